//! The `name` section: what had a name keeps it, and what is added gets one.

use wasm_encoder::{IndirectNameMap, NameMap, NameSection, reencode::Reencode as _};
use wasmparser::{BinaryReader, CustomSectionReader, Name, NameSectionReader};

use crate::{Error, link::Rename, shims::number};

/// The section anew, for a module that has one. Windows stand behind `own` memories.
pub(crate) fn rewritten(
    section: &CustomSectionReader<'_>,
    rename: &mut Rename,
    own: u32,
) -> Result<NameSection, Error> {
    let read = || -> Result<Vec<Name<'_>>, wasmparser::Error> {
        NameSectionReader::new(BinaryReader::new(section.data(), section.data_offset())).collect()
    };
    let named = |kind: fn(&Name<'_>) -> bool| Ok::<_, Error>(read()?.into_iter().filter(kind));
    let shims = &rename.shims;
    let mut functions: Vec<(u32, String)> = Vec::new();
    for (at, generated) in shims.generated().enumerate() {
        functions.push((shims.first() + number(at), generated.name.clone()));
    }
    let mut memories: Vec<(u32, String)> =
        (1..=shims.count()).map(|window| (own + window - 1, format!("memctl.window.{window}"))).collect();
    memories.push((own + shims.count(), "memctl.directory".to_owned()));
    let mut locals = IndirectNameMap::new();
    for name in read()? {
        match name {
            Name::Function(map) => {
                for naming in map {
                    let naming = naming?;
                    functions.extend(rename.kept(naming.index).map(|index| (index, naming.name.to_owned())));
                }
            }
            Name::Memory(map) => {
                for naming in map {
                    let naming = naming?;
                    memories.push((naming.index, naming.name.to_owned()));
                }
            }
            Name::Local(map) => {
                for function in map {
                    let function = function?;
                    let mut names = NameMap::new();
                    for naming in function.names {
                        let naming = naming?;
                        names.append(naming.index, naming.name);
                    }
                    if let Some(index) = rename.kept(function.index) {
                        locals.append(index, &names);
                    }
                }
            }
            _ => {}
        }
    }
    // Subsections are in the order of their ids.
    let mut out = NameSection::new();
    for name in named(|name| matches!(name, Name::Module { .. }))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    if !functions.is_empty() {
        out.functions(&sorted(functions));
    }
    out.locals(&locals);
    for name in named(|name| matches!(name, Name::Type(_) | Name::Table(_)))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    out.memories(&sorted(memories));
    for name in named(|name| matches!(name, Name::Global(_)))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    for name in named(|name| matches!(name, Name::Element(_) | Name::Data(_) | Name::Field(_) | Name::Tag(_)))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    Ok(out)
}

fn sorted(mut names: Vec<(u32, String)>) -> NameMap {
    names.sort();
    names.dedup_by_key(|(index, _)| *index);
    let mut map = NameMap::new();
    for (index, name) in names {
        map.append(index, &name);
    }
    map
}
