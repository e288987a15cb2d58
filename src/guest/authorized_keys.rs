//! The SSH keys that let a user in.

use super::ListPlace;
use crate::errno::Errno;

/// Why something in the user's directory can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysReason {
    /// The system refused; a symbolic link that the user could have made is `ELOOP` or `ENOTDIR`.
    System(Errno),
    /// It is not the user's.
    NotTheUsers,
    /// A line is longer than [`KEY_BYTES`](crate::limits::KEY_BYTES).
    LongLine,
}

/// Why the keys of a user can not be had or changed. If they were to be changed they are as before, unless all that failed
/// was to wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysError<'b> {
    /// The user can not be looked up: `ENOENT` if there is none of that name.
    Lookup(Errno),
    /// What was tried, the user's directory, the path below it, and why it failed.
    File(&'static str, &'b [u8], &'static str, KeysReason),
}

/// What is done with the keys of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Some are added; where there is no file, it is made.
    Add,
    /// As `Add`, but the file's lines are not looked at, and not kept.
    Reset,
    /// Some are removed; where there is no file, nothing is done.
    Remove,
}

/// How the lines of the file change.
pub trait KeyEdit {
    /// Whether a line is kept. Each is given once, in the order of the file.
    fn keeps(&mut self, line: &[u8]) -> bool;

    /// Gives what is to follow the lines that were kept, in pieces.
    fn add(&mut self, put: &mut dyn FnMut(&[u8]));
}

/// The SSH keys that let a user in.
pub trait AuthorizedKeys {
    /// The key before `place`, which moves on; the default place is the end of the file, so the last one is given first.
    /// `None` before the first, and without a file. Blanks around a key, empty lines and comments are left out.
    /// `buffer` is room to work in, and holds the key, of [`KEY_BYTES`](crate::limits::KEY_BYTES) at the most.
    ///
    /// # Errors
    /// Those of the type: whatever is wrong with the file is told at the first place.
    fn next_key<'b>(
        &mut self,
        user: &[u8],
        place: &mut ListPlace,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, KeysError<'b>>;

    /// Changes the keys of a user, all at once. `buffer` is room to work in.
    ///
    /// # Errors
    /// Those of the type.
    fn change_keys<'b>(
        &mut self,
        user: &[u8],
        change: KeyChange,
        edit: &mut dyn KeyEdit,
        buffer: &'b mut [u8],
    ) -> Result<(), KeysError<'b>>;
}
