//! The lists of commands that are blocked or allowed. What is kept of them is a bit for each row of the table.

use super::BLACKLIST;
use crate::linux::table::TABLE;

/// Words of 64 rows each.
const WORDS: usize = 2;

const _: () = assert!(TABLE.rows().len() <= WORDS * 64, "the lists have a bit for each row of the table");

/// A list of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    rows: [u64; WORDS],
    /// Something was named, be it a command or not.
    is_given: bool,
}

impl List {
    pub(super) const NONE: List = List { rows: [0; WORDS], is_given: false };

    /// Adds the commands that `text` names. Names that are none are passed over.
    pub(super) fn add(&mut self, text: &[u8]) {
        for name in names(text) {
            self.is_given = true;
            let (word, bit) = place(name.trim_ascii()).unwrap_or_default();
            if let Some(rows) = self.rows.get_mut(word) {
                *rows |= bit;
            }
        }
    }

    fn has(&self, (word, bit): (usize, u64)) -> bool {
        self.rows.get(word).is_some_and(|rows| rows & bit != 0)
    }
}

/// The word and the bit of a command.
fn place(name: &[u8]) -> Option<(usize, u64)> {
    let index = TABLE.index(name)?;
    Some((index / 64, 1 << (index % 64)))
}

/// The names of a list. Commas separate them, as qemu-ga takes it, or semicolons, as its configuration file would have it
/// (differences.md: list-separators). An empty text has none.
pub(super) fn names(text: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b',' | b';')).filter(move |_| !text.is_empty())
}

/// The commands that the options block and allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lists {
    blocked: List,
    allowed: List,
}

impl Lists {
    /// All commands are allowed.
    pub const NONE: Lists = Lists { blocked: List::NONE, allowed: List::NONE };

    /// The list that the option of this letter adds to.
    pub(super) fn of(&mut self, letter: u8) -> Option<&mut List> {
        match letter {
            b'b' | BLACKLIST => Some(&mut self.blocked),
            b'a' => Some(&mut self.allowed),
            _ => None,
        }
    }

    /// Whether the command may run: it is not blocked, and allowed, if only some are.
    pub fn allow(&self, command: &str) -> bool {
        let can_be_given = cfg!(any(feature = "command-line", feature = "config-file"));
        if !can_be_given || *self == Lists::NONE {
            return true;
        }
        let Some(place) = place(command.as_bytes()) else { return true };
        !self.blocked.has(place) && (!self.allowed.is_given || self.allowed.has(place))
    }
}
