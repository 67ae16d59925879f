//! Every function of windows, by the text of the README and not by the crate's own tables.

/// How a guest addresses bytes in windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abi {
    Narrow,
    Wide,
}

impl Abi {
    pub(crate) const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    pub(crate) fn module(self) -> &'static str {
        match self {
            Self::Narrow => memctl_window::MODULE,
            Self::Wide => memctl_window::MODULE64,
        }
    }

    pub(crate) fn address(self) -> &'static str {
        match self {
            Self::Narrow => "i32",
            Self::Wide => "i64",
        }
    }
}

/// A function, its parameters without the numbers of windows, and its result.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) abi: Abi,
    pub(crate) name: String,
    pub(crate) params: Vec<&'static str>,
    pub(crate) selectors: usize,
    pub(crate) result: Option<&'static str>,
}

/// Functions that load, store, and do more with one value.
pub(crate) fn access_names() -> Vec<String> {
    let mut names = Vec::new();
    for (ty, widths) in [("i32", &["8", "16"][..]), ("i64", &["8", "16", "32"])] {
        let exact = || std::iter::once(("", "")).chain(widths.iter().map(|width| (*width, "_u")));
        names.extend([format!("{ty}.load"), format!("{ty}.store")]);
        for width in widths {
            names.extend(["_s", "_u"].map(|sign| format!("{ty}.load{width}{sign}")));
            names.push(format!("{ty}.store{width}"));
        }
        for (width, u) in exact() {
            names.push(format!("{ty}.atomic.load{width}{u}"));
            names.push(format!("{ty}.atomic.store{width}"));
            for op in ["add", "sub", "and", "or", "xor", "xchg", "cmpxchg"] {
                names.push(format!("{ty}.atomic.rmw{width}.{op}{u}"));
            }
        }
    }
    for ty in ["f32", "f64", "v128"] {
        names.extend([format!("{ty}.load"), format!("{ty}.store")]);
    }
    names
}

/// The type that a name begins with.
pub(crate) fn value(name: &str) -> &'static str {
    let ty = name.split('.').next().unwrap();
    ["i32", "i64", "f32", "f64", "v128"].into_iter().find(|known| *known == ty).unwrap()
}

/// All functions of one kind of addresses, where memory 0's are `pointer`s.
pub(crate) fn all(abi: Abi, pointer: &'static str) -> Vec<Function> {
    let a = abi.address();
    let mut all: Vec<Function> = access_names()
        .into_iter()
        .map(|name| {
            let ty = value(&name);
            let (params, result) = if name.contains("cmpxchg") {
                (vec![a, ty, ty], Some(ty))
            } else if name.contains("rmw") {
                (vec![a, ty], Some(ty))
            } else if name.contains("store") {
                (vec![a, ty], None)
            } else {
                (vec![a], Some(ty))
            };
            Function { abi, name, params, selectors: 1, result }
        })
        .collect();
    for (name, params, selectors, result) in [
        ("copy_in", vec![a, pointer, a], 1, None),
        ("copy_out", vec![pointer, a, a], 1, None),
        ("copy_between", vec![a, a, a], 2, None),
        ("fill", vec![a, "i32", a], 1, None),
        ("compare", vec![a, pointer, a], 1, Some("i32")),
        ("size", vec![], 1, Some("i64")),
        ("settle", vec![], 1, None),
        ("count", vec![], 0, Some("i32")),
    ] {
        all.push(Function { abi, name: name.to_owned(), params, selectors, result });
    }
    all
}
