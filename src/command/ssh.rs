//! `guest-ssh-*-authorized-keys`: the SSH keys that let a user in, in .ssh/authorized_keys of the user's directory.
//!
//! Lines and keys are compared byte by byte. The keys of a request stay where they are in it; for each there is one bit in
//! the scratch room.

pub mod add;
pub mod get;
pub mod remove;

use super::{Context, Done, Reply};
use crate::args::{List, Text};
use crate::bytes::has;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::guest::{AuthorizedKeys, KeyChange, KeyEdit, KeysError, KeysReason};
use crate::limits::{KEY_BYTES, USER_NAME_BYTES};

/// Refuses texts that would be no line of the file, or a comment.
fn check<'a>(keys: List<'a, Text<'a>>) -> Result<(), Error<'a>> {
    for key in keys.elements() {
        let length: usize = key.runs().map(<[u8]>::len).sum();
        if key.escaped().first() == Some(&b'#') || has(key.escaped(), b'\n') {
            return Err(error!["invalid OpenSSH public key: '", key, "'"]);
        }
        if length > KEY_BYTES {
            return Err(error![
                "the key is too long: ",
                number(length),
                " bytes, and at most ",
                number(KEY_BYTES),
                " are taken"
            ]);
        }
    }
    Ok(())
}

/// A number of bytes, as errors tell it.
fn number(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// What the client is told.
fn told<'a>(user: Text<'a>, error: KeysError<'a>) -> Error<'a> {
    match error {
        KeysError::Lookup(errno) => error!["failed to lookup user '", user, "': ", errno],
        KeysError::File(action, home, path, KeysReason::System(errno)) => {
            error![action, " '", home, path, "': ", errno]
        }
        KeysError::File(action, home, path, KeysReason::NotTheUsers) => {
            error![action, " '", home, path, "': it is not the user's"]
        }
        KeysError::File(action, home, path, KeysReason::LongLine) => {
            error![action, " '", home, path, "': a line is longer than ", number(KEY_BYTES), " bytes"]
        }
    }
}

/// The error for a user that there is not.
const NOBODY: KeysError<'static> = KeysError::Lookup(Errno::ENOENT);

/// The user's name, and the room that is left. `None` if it does not fit: it is nobody's.
fn name<'s>(user: Text<'_>, scratch: &'s mut [u8]) -> Option<(&'s [u8], &'s mut [u8])> {
    let room = scratch.len().min(USER_NAME_BYTES);
    let length = user.copy_to(scratch.get_mut(..room)?)?.len();
    let (name, rest) = scratch.split_at_mut_checked(length)?;
    Some((name, rest))
}

/// Changes the keys of a user.
fn change<'a, G: AuthorizedKeys>(
    user: Text<'a>,
    keys: List<'a, Text<'a>>,
    change: KeyChange,
    context: Context<'a, G>,
    reply: Reply<'_, '_>,
) -> Result<Done, Error<'a>> {
    check(keys)?;
    let Context { guest, scratch, .. } = context;
    let Some((name, scratch)) = name(user, scratch) else { return Err(told(user, NOBODY)) };
    let bits = keys.elements().count().div_ceil(8);
    // Without room for the bits nothing is left of it, and the platform fails.
    let (is_there, buffer) = scratch.split_at_mut_checked(bits).unwrap_or_default();
    is_there.fill(0);
    match guest.change_keys(name, change, &mut Edit { keys, change, is_there }, buffer) {
        Ok(()) => Ok(reply.empty()),
        Err(error) => Err(told(user, error)),
    }
}

/// The keys of a request, and which of them are in the file.
struct Edit<'e> {
    keys: List<'e, Text<'e>>,
    change: KeyChange,
    /// One bit a key.
    is_there: &'e mut [u8],
}

impl KeyEdit for Edit<'_> {
    fn keeps(&mut self, line: &[u8]) -> bool {
        let mut is_found = false;
        for (index, key) in self.keys.elements().enumerate() {
            if key == *line {
                is_found = true;
                if let Some(bits) = self.is_there.get_mut(index / 8) {
                    *bits |= bit(index);
                }
            }
        }
        !is_found || self.change != KeyChange::Remove
    }

    fn add(&mut self, put: &mut dyn FnMut(&[u8])) {
        if self.change == KeyChange::Remove {
            return;
        }
        for (index, key) in self.keys.elements().enumerate() {
            let is_there = self.is_there.get(index / 8).is_none_or(|bits| bits & bit(index) != 0);
            let is_empty = key.runs().next().is_none();
            if !is_there && !is_empty && !self.keys.elements().take(index).any(|other| other == key) {
                key.runs().for_each(&mut *put);
                put(b"\n");
            }
        }
    }
}

/// The bit of a key in its byte.
fn bit(index: usize) -> u8 {
    1 << (index % 8)
}
