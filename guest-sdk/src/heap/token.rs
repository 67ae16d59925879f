//! The names of blocks.

use bytemuck::{Pod, Zeroable};

use crate::bindings::heap as wit;

/// The name of a block: plain numbers that can be sent anywhere, and stand in a block themselves. They are no secret and no right; each use is checked by the host.
///
/// A zeroed token names no block: see [`NONE`](Self::NONE).
///
/// ```
/// use memctl_guest::heap::Token;
///
/// let token = Token { heap: 1, offset: 4096, len: 16, generation: 7 };
/// assert_eq!(Token::from_bytes(token.to_bytes()), token);
/// // As a record of the interface `wasi:memory-control/heap`, for calls of one's own.
/// let record: memctl_guest::bindings::heap::Token = token.into();
/// assert_eq!(record.offset, 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Token {
    /// The heap that the block is in; in a chain, the one of its heaps.
    pub heap: u64,
    /// Its first byte, from the heap's first on.
    pub offset: u64,
    /// Its length in bytes, as asked for.
    pub len: u64,
    /// Which of all blocks that were ever there: a token is stale once its block was freed.
    pub generation: u64,
}

impl Token {
    /// No block's name.
    pub const NONE: Self = Self { heap: 0, offset: 0, len: 0, generation: 0 };

    /// Whether no block can have this name.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.len == 0
    }

    /// The four numbers in order, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        bytemuck::cast([self.heap, self.offset, self.len, self.generation].map(u64::to_le_bytes))
    }

    /// The token that gave `bytes`. Any bytes are safe.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let numbers: [[u8; 8]; 4] = bytemuck::cast(bytes);
        let [heap, offset, len, generation] = numbers.map(u64::from_le_bytes);
        Self { heap, offset, len, generation }
    }
}

impl From<wit::Token> for Token {
    fn from(wit::Token { heap, offset, len, generation }: wit::Token) -> Self {
        Self { heap, offset, len, generation }
    }
}

impl From<Token> for wit::Token {
    fn from(Token { heap, offset, len, generation }: Token) -> Self {
        Self { heap, offset, len, generation }
    }
}
