//! The `name` section: what had a name keeps it, and what is added gets one.

use wasm_encoder::{NameMap, NameSection, reencode::Reencode as _};
use wasmparser::{BinaryReader, CustomSectionReader, Name, NameSectionReader};

use crate::{Error, added::Added, exports::Hull, rename::Rename, shields::Guards};

/// The section anew, for a module that has one.
pub(crate) fn rewritten(
    section: &CustomSectionReader<'_>,
    mut rename: Rename,
    added: &Added,
    guards: &Guards,
) -> Result<NameSection, Error> {
    let read = || -> Result<Vec<Name<'_>>, wasmparser::Error> {
        NameSectionReader::new(BinaryReader::new(section.data(), section.data_offset())).collect()
    };
    let named = |kind: fn(&Name<'_>) -> bool| Ok::<_, Error>(read()?.into_iter().filter(kind));
    let mut out = NameSection::new();
    // Subsections are in the order of their ids.
    for name in named(|name| matches!(name, Name::Module { .. }))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    let mut functions: Vec<(u32, String)> = added.names().map(|(index, name)| (index, name.to_owned())).collect();
    let mut memories: Vec<(u32, String)> = Vec::new();
    let mut globals: Vec<(u32, String)> = Vec::new();
    for (index, guard) in guards.all.iter().enumerate() {
        memories.push((guard.shield, format!("memctl.shield.{index}")));
        for (part, global) in Hull::ALL.into_iter().zip(guard.hulls.into_iter().flatten()) {
            globals.push((global, format!("memctl.{}.{index}", part.word())));
        }
    }
    globals.extend(guards.in_force.map(|global| (global, "memctl.in_force".to_owned())));
    for name in read()? {
        let (map, names, renamed): (_, _, &dyn Fn(u32) -> u32) = match name {
            Name::Function(map) => (map, &mut functions, &|index| index),
            Name::Memory(map) => (map, &mut memories, &|index| rename.memory(index)),
            Name::Global(map) => (map, &mut globals, &|index| rename.global(index)),
            _ => continue,
        };
        for naming in map {
            let naming = naming?;
            names.push((renamed(naming.index), naming.name.to_owned()));
        }
    }
    out.functions(&sorted(functions));
    for name in named(|name| matches!(name, Name::Local(_)))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    for name in named(|name| matches!(name, Name::Type(_) | Name::Table(_)))? {
        rename.parse_custom_name_subsection(&mut out, name)?;
    }
    if !memories.is_empty() {
        out.memories(&sorted(memories));
    }
    if !globals.is_empty() {
        out.globals(&sorted(globals));
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
