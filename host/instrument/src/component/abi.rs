//! Component values as the canonical ABI lays them out: in memory, and flat in parameters. Only what leads to bytes in memory is kept apart.
//!
//! The rules are those of "Canonical ABI" in the component model's explainer (`alignment`, `elem_size`, `flatten_type`).

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentDefinedType, ComponentValType};
use wasmparser::types::TypesRef;

/// Flat parameters that a function has at most; more are passed in memory.
pub(super) const MAX_FLAT_PARAMS: usize = 16;
/// Flat results that a function has at most.
pub(super) const MAX_FLAT_RESULTS: usize = 1;

/// A value's shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// So many bytes, aligned to their number, one flat value.
    Scalar(u32),
    /// Pointer and number of code units.
    String,
    /// Pointer and number of elements.
    List(Box<Value>),
    /// Elements side by side.
    Array(Box<Value>, u32),
    /// Fields side by side: tuples too.
    Record(Vec<Value>),
    /// Size of the number of the case in bytes, and what each case carries.
    Variant(u32, Vec<Option<Value>>),
}

/// What a list of bytes that a host function takes stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    /// Its contents, which the host reads.
    Contents,
    /// The memory that it lies in: the functions of `wasi:memory-control` read none of it.
    Place,
}

/// A type that the checks don't know, and what it is called.
#[derive(Debug)]
pub(super) struct Unknown(pub(super) &'static str);

impl Value {
    pub(super) fn of(ty: ComponentValType, types: TypesRef<'_>, bytes: Bytes) -> Result<Self, Unknown> {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return Ok(Self::primitive(primitive)),
            ComponentValType::Type(id) => id,
        };
        let inner = |ty: &ComponentValType| Self::of(*ty, types, bytes);
        let payload = |ty: &Option<ComponentValType>| ty.as_ref().map(inner).transpose();
        Ok(match &types[id] {
            ComponentDefinedType::Primitive(primitive) => Self::primitive(*primitive),
            ComponentDefinedType::Record(record) => {
                Self::Record(record.fields.values().map(inner).collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Tuple(tuple) => {
                Self::Record(tuple.types.iter().map(inner).collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.values().map(|case| payload(&case.ty)).collect::<Result<Vec<_>, _>>()?;
                Self::Variant(discriminant(cases.len()), cases)
            }
            ComponentDefinedType::Option { ty, .. } => Self::Variant(1, vec![None, Some(inner(ty)?)]),
            ComponentDefinedType::Result { ok, err, .. } => Self::Variant(1, vec![payload(ok)?, payload(err)?]),
            ComponentDefinedType::List { element, .. } => match inner(element)? {
                Self::Scalar(1) if bytes == Bytes::Place => Self::Record(vec![Self::Scalar(4), Self::Scalar(4)]),
                element => Self::List(Box::new(element)),
            },
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                let element = inner(element)?;
                if element.size().checked_mul(*length).is_none_or(|size| size > 1 << 20) {
                    return Err(Unknown("list of a fixed length of more than 1 MiB"));
                }
                Self::Array(Box::new(element), *length)
            }
            ComponentDefinedType::Flags(names) => match names.len() {
                0..=8 => Self::Scalar(1),
                9..=16 => Self::Scalar(2),
                17..=32 => Self::Scalar(4),
                _ => return Err(Unknown("flags of more than 32 names")),
            },
            ComponentDefinedType::Enum(names) => Self::Scalar(discriminant(names.len())),
            ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_)
            | ComponentDefinedType::Future { .. }
            | ComponentDefinedType::Stream { .. } => Self::Scalar(4),
            ComponentDefinedType::Map { .. } => return Err(Unknown("map")),
        })
    }

    fn primitive(primitive: PrimitiveValType) -> Self {
        match primitive {
            PrimitiveValType::Bool | PrimitiveValType::S8 | PrimitiveValType::U8 => Self::Scalar(1),
            PrimitiveValType::S16 | PrimitiveValType::U16 => Self::Scalar(2),
            PrimitiveValType::S32
            | PrimitiveValType::U32
            | PrimitiveValType::F32
            | PrimitiveValType::Char
            | PrimitiveValType::ErrorContext => Self::Scalar(4),
            PrimitiveValType::S64 | PrimitiveValType::U64 | PrimitiveValType::F64 => Self::Scalar(8),
            PrimitiveValType::String => Self::String,
        }
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> u32 {
        match self {
            Self::Scalar(size) => *size,
            Self::String | Self::List(_) => 8,
            Self::Array(element, count) => element.size() * count,
            Self::Record(fields) => {
                let end = fields.iter().fold(0, |at, field| align(at, field.align()) + field.size());
                align(end, self.align())
            }
            Self::Variant(_, cases) => {
                let largest = cases.iter().flatten().map(Self::size).max().unwrap_or(0);
                align(self.payload_offset() + largest, self.align())
            }
        }
    }

    /// Alignment in memory, in bytes.
    pub(super) fn align(&self) -> u32 {
        match self {
            Self::Scalar(size) => *size,
            Self::String | Self::List(_) => 4,
            Self::Array(element, _) => element.align(),
            Self::Record(fields) => fields.iter().map(Self::align).max().unwrap_or(1),
            Self::Variant(discriminant, cases) => cases.iter().flatten().map(Self::align).fold(*discriminant, u32::max),
        }
    }

    /// Where the payload of a variant begins in it.
    pub(super) fn payload_offset(&self) -> u32 {
        let Self::Variant(discriminant, cases) = self else { return 0 };
        align(*discriminant, cases.iter().flatten().map(Self::align).max().unwrap_or(1))
    }

    /// How many core values it is as a parameter.
    pub(super) fn flat(&self) -> usize {
        match self {
            Self::Scalar(_) => 1,
            Self::String | Self::List(_) => 2,
            Self::Array(element, count) => element.flat().saturating_mul(usize::try_from(*count).unwrap_or(usize::MAX)),
            Self::Record(fields) => fields.iter().fold(0, |sum, field| sum.saturating_add(field.flat())),
            Self::Variant(_, cases) => 1 + cases.iter().flatten().map(Self::flat).max().unwrap_or(0),
        }
    }

    /// Whether it leads to other bytes.
    pub(super) fn points(&self) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::String | Self::List(_) => true,
            Self::Array(element, _) => element.points(),
            Self::Record(fields) => fields.iter().any(Self::points),
            Self::Variant(_, cases) => cases.iter().flatten().any(Self::points),
        }
    }

    /// The fields of a record with their offsets in it.
    pub(super) fn fields(fields: &[Self]) -> impl Iterator<Item = (u32, &Self)> {
        fields.iter().scan(0, |end, field| {
            let at = align(*end, field.align());
            *end = at + field.size();
            Some((at, field))
        })
    }
}

fn discriminant(cases: usize) -> u32 {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

fn align(at: u32, to: u32) -> u32 {
    at.next_multiple_of(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_the_canonical_abis() {
        let stat = Value::Record(vec![
            Value::Scalar(1),
            Value::Scalar(8),
            Value::Variant(1, vec![None, Some(Value::Record(vec![Value::Scalar(8), Value::Scalar(4)]))]),
        ]);
        assert_eq!((stat.size(), stat.align(), stat.flat()), (40, 8, 5));
        let result = Value::Variant(1, vec![Some(Value::List(Box::new(Value::Scalar(1)))), Some(Value::Scalar(1))]);
        assert_eq!((result.size(), result.align(), result.payload_offset(), result.flat()), (12, 4, 4, 3));
        assert!(result.points() && !stat.points());
        let fields = [Value::Scalar(1), Value::String, Value::Scalar(2), Value::Scalar(8)];
        assert_eq!(Value::fields(&fields).map(|(at, _)| at).collect::<Vec<_>>(), [0, 4, 12, 16]);
        assert_eq!(Value::Record(Vec::new()).size(), 0);
    }
}
