//! A linked guest, read: its data segments by name, and its custom sections.

use std::collections::BTreeMap;
use std::ops::Range;

use wasmparser::{DataKind, KnownCustom, Name, Operator, Parser, Payload};

/// A data segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) place: Range<u64>,
}

/// What a linked guest says about its memory.
#[derive(Debug, Default)]
pub(crate) struct Image {
    pub(crate) segments: Vec<Segment>,
    /// Contents of the custom sections `memory-control.protection`.
    pub(crate) declared: Vec<u8>,
}

impl Image {
    /// Of the module that `wasm` is, or that is the first with data in the component.
    pub(crate) fn parse(wasm: &[u8]) -> Self {
        let mut image = Self::default();
        let mut names = BTreeMap::new();
        let mut places = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("well-formed") {
                Payload::End(_) if !places.is_empty() => break,
                Payload::DataSection(section) => {
                    places = section.into_iter().map(|data| place(data.expect("well-formed"))).collect();
                }
                Payload::CustomSection(section) if section.name() == "memory-control.protection" => {
                    image.declared.extend(section.data());
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(reader) = section.as_known() {
                        for name in reader {
                            if let Name::Data(map) = name.expect("well-formed") {
                                names.extend(map.into_iter().map(|naming| {
                                    let naming = naming.expect("well-formed");
                                    (naming.index, naming.name.to_owned())
                                }));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let named = (0_u32..).zip(places).map(|(index, place)| {
            let name = names.get(&index).cloned().unwrap_or_default();
            Segment { name, place }
        });
        image.segments = named.collect();
        image
    }

    pub(crate) fn segment(&self, name: &str) -> &Segment {
        self.segments.iter().find(|segment| segment.name == name).unwrap_or_else(|| panic!("{name} in {self:?}"))
    }
}

fn place(data: wasmparser::Data) -> Range<u64> {
    let DataKind::Active { memory_index: 0, offset_expr } = data.kind else { panic!("an active segment of memory 0") };
    let Ok(Operator::I32Const { value }) = offset_expr.get_operators_reader().read() else {
        panic!("a constant offset")
    };
    let start = u64::from(value.cast_unsigned());
    start..start + data.data.len() as u64
}
