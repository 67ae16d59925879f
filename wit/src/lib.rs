//! The WIT package `wasi:memory-control`. The `.wit` files beside this crate's manifest are the product; the crate
//! only tests that tools accept them.

/// Name and version of every interface of the package: `wasi:memory-control/<interface>@<VERSION>`.
pub const VERSION: &str = "0.1.0-draft";

#[cfg(test)]
mod tests {
    use wit_parser::{Resolve, WorldItem};

    fn resolve() -> (Resolve, wit_parser::PackageId) {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(env!("CARGO_MANIFEST_DIR")).expect("the package parses");
        (resolve, package)
    }

    #[test]
    fn wit_parser_accepts_the_package() {
        let (resolve, package) = resolve();
        let package = &resolve.packages[package];
        assert_eq!(package.name.to_string(), format!("wasi:memory-control@{}", super::VERSION));
        for interface in ["types", "domain", "object", "file-object", "file-ticket", "mapping", "protection"] {
            assert!(package.interfaces.contains_key(interface), "{interface} is missing");
        }
    }

    #[test]
    fn a_board_need_not_import_a_filesystem() {
        let (resolve, package) = resolve();
        let world = &resolve.worlds[resolve.packages[package].worlds["imports"]];
        for item in world.imports.values() {
            let WorldItem::Interface { id, .. } = item else { panic!("the world imports interfaces only") };
            let owner = resolve.interfaces[*id].package.expect("an interface has a package");
            assert_eq!(owner, package, "{:?}", resolve.packages[owner].name);
        }
    }

    #[test]
    fn every_item_is_documented() {
        let (resolve, package) = resolve();
        for id in resolve.packages[package].interfaces.values() {
            let interface = &resolve.interfaces[*id];
            for (name, id) in &interface.types {
                let ty = &resolve.types[*id];
                let imported = matches!(ty.kind, wit_parser::TypeDefKind::Type(_));
                assert!(imported || ty.docs.contents.is_some(), "{name} has no docs");
            }
            for (name, function) in &interface.functions {
                assert!(function.docs.contents.is_some(), "{name} has no docs");
            }
        }
    }
}
