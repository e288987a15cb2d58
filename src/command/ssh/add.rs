//! `guest-ssh-add-authorized-keys`: lets a user in by more SSH keys.
//!
//! Schema 10.0, since 5.2.
//! Arguments: `username`; `keys`, a list of lines as sshd(8) has them, of 16383 bytes at the most; `reset`, default false,
//! whether they take the place of those that are there.
//! Returns: nothing.
//! Errors: `invalid OpenSSH public key` for one that begins with `#` or has a line feed, before the user is looked up; a key
//! that is too long; `failed to lookup user`; `failed to` do something with a path. The file is then as it was.
//! Differs from qemu-ga in the line feed at the end of the file, which it leaves out, so that keys that others append are lost
//! (differences.md: ssh-last-line); in the error for a user that does not exist (differences.md: ssh-unknown-user), in links
//! and files of others, which are not followed (differences.md: ssh-links), and in the limit of a key (differences.md:
//! ssh-long-lines).
//! Needs [`AuthorizedKeys`]; does not run while frozen; the file passes through the scratch room, so any length of it needs no
//! more memory than a line.

use crate::args::{List, Text};
use crate::arguments;
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::{AuthorizedKeys, KeyChange};

arguments! {
    /// `guest-ssh-add-authorized-keys`.
    pub struct SshAddArguments<'a> {
        /// The name of the user.
        "username" => user: Text<'a>,
        /// The keys.
        "keys" => keys: List<'a, Text<'a>>,
        /// They are the only ones.
        "reset" => reset: Option<bool>,
    }
}

/// `guest-ssh-add-authorized-keys`.
#[derive(Debug)]
pub struct SshAddAuthorizedKeys;

impl<G: AuthorizedKeys + 'static> Handler<G> for SshAddAuthorizedKeys {
    const NAME: &'static str = "guest-ssh-add-authorized-keys";
    type Arguments<'a> = SshAddArguments<'a>;

    fn run<'a>(
        SshAddArguments { user, keys, reset }: SshAddArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let change = if reset == Some(true) { KeyChange::Reset } else { KeyChange::Add };
        super::change(user, keys, change, context, reply)
    }
}
