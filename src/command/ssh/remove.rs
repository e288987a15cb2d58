//! `guest-ssh-remove-authorized-keys`: lets a user in no more by some SSH keys.
//!
//! Schema 10.0, since 5.2.
//! Arguments: `username`; `keys`, a list of lines, of 16383 bytes at the most. All lines that are equal to one are removed, the
//! others stay as they are.
//! Returns: nothing, also where there is no file.
//! Errors: those of `guest-ssh-add-authorized-keys`.
//! Differs from qemu-ga as that does, and in that a file which can not be read is an error (differences.md: ssh-links).
//! Needs [`AuthorizedKeys`]; does not run while frozen; the file passes through the scratch room, so any length of it needs no
//! more memory than a line.

use crate::args::{List, Text};
use crate::arguments;
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::{AuthorizedKeys, KeyChange};

arguments! {
    /// `guest-ssh-remove-authorized-keys`.
    pub struct SshRemoveArguments<'a> {
        /// The name of the user.
        "username" => user: Text<'a>,
        /// The keys.
        "keys" => keys: List<'a, Text<'a>>,
    }
}

/// `guest-ssh-remove-authorized-keys`.
#[derive(Debug)]
pub struct SshRemoveAuthorizedKeys;

impl<G: AuthorizedKeys + 'static> Handler<G> for SshRemoveAuthorizedKeys {
    const NAME: &'static str = "guest-ssh-remove-authorized-keys";
    type Arguments<'a> = SshRemoveArguments<'a>;

    fn run<'a>(
        SshRemoveArguments { user, keys }: SshRemoveArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        super::change(user, keys, KeyChange::Remove, context, reply)
    }
}
