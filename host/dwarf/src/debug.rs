//! DWARF: sections that describe code, after the code has moved.

use gimli::{
    AttributeValue as Read, DW_AT_high_pc, DW_AT_low_pc, EndianSlice, LineEncoding, LittleEndian, SectionId,
    write::{
        Address, AttributeValue, ConvertError, ConvertLineRow, ConvertUnit, ConvertUnitEntry, Dwarf, EndianVec,
        Location, LocationList, Range, RangeList, Sections, UnitEntryId,
    },
};

use crate::moved::Moved;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Whether a custom section is one of DWARF's.
#[must_use]
pub fn is_dwarf(section: &str) -> bool {
    section.starts_with(".debug_")
}

/// The sections anew, with their names. Some indexes are left out, see [`is_index`].
///
/// # Errors
/// Why they can't be understood.
pub fn rewritten(sections: &[(&str, &[u8])], moved: &Moved) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    convert(sections, moved)
}

/// Whether a section repeats for quick access what others say: a debugger does without.
#[must_use]
pub fn is_index(section: &str) -> bool {
    matches!(
        section,
        ".debug_aranges"
            | ".debug_pubnames"
            | ".debug_pubtypes"
            | ".debug_gnu_pubnames"
            | ".debug_gnu_pubtypes"
            | ".debug_names"
    )
}

fn convert(sections: &[(&str, &[u8])], moved: &Moved) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let mut new = Dwarf::new();
    fill(&mut new, sections, moved).map_err(|error| error.to_string())?;
    let mut written = Sections::new(EndianVec::new(LittleEndian));
    new.write(&mut written).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    written.for_each(|id, bytes| {
        if !bytes.slice().is_empty() {
            out.push((id.name(), bytes.slice().to_vec()));
        }
        Ok::<_, String>(())
    })?;
    Ok(out)
}

fn fill(new: &mut Dwarf, sections: &[(&str, &[u8])], moved: &Moved) -> Result<(), ConvertError> {
    let load = |id: SectionId| -> Result<Slice<'_>, gimli::Error> {
        let bytes = sections.iter().find(|(name, _)| *name == id.name()).map_or(&[][..], |(_, bytes)| bytes);
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let old = gimli::Dwarf::load(load)?;
    let mut units = new.convert(&old)?;
    while let Some((mut unit, root)) = units.read_unit()? {
        lines(&mut unit, moved)?;
        let id = unit.unit.root();
        attributes(&mut unit, id, &root, moved)?;
        let mut entry = root;
        while let Some(id) = unit.read_entry(&mut entry)? {
            if id.is_some() {
                let id = unit.add_entry(id, &entry);
                attributes(&mut unit, id, &entry, moved)?;
            }
        }
    }
    Ok(())
}

fn lines(unit: &mut ConvertUnit<'_, Slice<'_>>, moved: &Moved) -> Result<(), ConvertError> {
    let Some(mut program) = unit.read_line_program(None, Some(LineEncoding::default()))? else { return Ok(()) };
    let (mut old, mut new, mut last) = (0, 0, 0);
    // Addresses go up in a sequence, and are those of a file.
    let offset = |old: u64, new: u64, last: &mut u64, offset: u64| {
        let offset = moved.new_address(old.saturating_add(offset)).saturating_sub(new);
        let before = std::mem::replace(last, offset);
        if offset < before || offset > u32::MAX.into() { Err(ConvertError::InvalidAddress) } else { Ok(offset) }
    };
    while let Some(row) = program.read_row()? {
        match row {
            ConvertLineRow::SetAddress(address) => {
                (old, new, last) = (address, moved.new_address(address), 0);
                program.set_address(Address::Constant(new));
            }
            ConvertLineRow::Row(mut row) => {
                row.address_offset = offset(old, new, &mut last, row.address_offset)?;
                row.op_index = 0;
                program.generate_row(row);
            }
            ConvertLineRow::EndSequence(end) => {
                program.end_sequence(offset(old, new, &mut last, end)?);
                (old, new, last) = (0, 0, 0);
            }
        }
    }
    if program.in_sequence() {
        return Err(ConvertError::MissingLineEndSequence);
    }
    let (program, files) = program.program();
    unit.set_line_program(program, files);
    Ok(())
}

fn attributes<'s>(
    unit: &mut ConvertUnit<'_, Slice<'s>>,
    id: UnitEntryId,
    entry: &ConvertUnitEntry<'_, Slice<'s>>,
    moved: &Moved,
) -> Result<(), ConvertError> {
    let read = entry.read_unit;
    let low = match entry.attr_value(DW_AT_low_pc) {
        Some(value) => read.attr_address(value)?,
        None => None,
    };
    for attr in &entry.attrs {
        // Addresses in expressions are of data.
        let is_expression = matches!(attr.value(), Read::Exprloc(_));
        let address = |old| Some(Address::Constant(if is_expression { old } else { moved.new_address(old) }));
        let len = attr.udata_value().filter(|_| attr.name() == DW_AT_high_pc);
        let value = match (low, len) {
            (Some(low), Some(len)) => {
                let len = moved.new_address(low.saturating_add(len)).saturating_sub(moved.new_address(low));
                AttributeValue::Udata(len)
            }
            _ => {
                if let Some(list) = ranges(read, attr.value(), moved)? {
                    AttributeValue::RangeListRef(unit.unit.ranges.add(list))
                } else if let Some(list) = locations(unit, read, attr.value(), moved)? {
                    AttributeValue::LocationListRef(unit.unit.locations.add(list))
                } else {
                    unit.convert_attribute_value(read, attr, &address)?
                }
            }
        };
        unit.unit.get_mut(id).set(attr.name(), value);
    }
    Ok(())
}

fn ranges<'s>(
    read: gimli::UnitRef<'_, Slice<'s>>,
    value: Read<Slice<'s>>,
    moved: &Moved,
) -> Result<Option<RangeList>, ConvertError> {
    let Some(offset) = read.attr_ranges_offset(value)? else { return Ok(None) };
    let mut new = vec![Range::BaseAddress { address: Address::Constant(0) }];
    let mut old = read.ranges(offset)?;
    while let Some(range) = old.next()? {
        let (begin, end) = (moved.new_address(range.begin), moved.new_address(range.end));
        if begin >= end {
            continue;
        }
        new.push(Range::StartEnd { begin: Address::Constant(begin), end: Address::Constant(end) });
    }
    Ok(Some(RangeList(new)))
}

fn locations<'s>(
    unit: &ConvertUnit<'_, Slice<'s>>,
    read: gimli::UnitRef<'_, Slice<'s>>,
    value: Read<Slice<'s>>,
    moved: &Moved,
) -> Result<Option<LocationList>, ConvertError> {
    let Some(offset) = read.attr_locations_offset(value)? else { return Ok(None) };
    let mut new = vec![Location::BaseAddress { address: Address::Constant(0) }];
    let mut old = read.locations(offset)?;
    while let Some(entry) = old.next()? {
        let data = unit.convert_expression(read, entry.data, &|address| Some(Address::Constant(address)))?;
        let (begin, end) = (moved.new_address(entry.range.begin), moved.new_address(entry.range.end));
        if begin >= end {
            continue;
        }
        new.push(Location::StartEnd { begin: Address::Constant(begin), end: Address::Constant(end), data });
    }
    Ok(Some(LocationList(new)))
}
