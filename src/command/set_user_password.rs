//! `guest-set-user-password`: sets the password of a user.
//!
//! Schema 10.0, since 2.3.
//! Arguments: `username`; `password`, in base64, of 511 bytes at the most; `crypted`, whether it is hashed already, and to be
//! kept as it is.
//! Returns: nothing.
//! Errors: a password that is no base64; `forbidden characters in raw password` (a line feed or NUL, whether raw or not; in a
//! crypted one also a colon); `forbidden characters in username` (those and a colon); a password that is too long; a user
//! that does not exist; a file that can not be read or replaced, or is locked.
//! Differs from qemu-ga in that no helper program is needed, and so in the errors (differences.md: password-no-helper), in
//! characters that end a text early there (differences.md: password-characters), and in the limit of its length
//! (differences.md: password-length).
//! Needs [`Passwords`]; does not run while frozen; the password is decoded into the scratch room, and overwritten there and
//! wherever it came by.

use super::{Context, Done, Handler, Reply};
use crate::args::Text;
use crate::base64;
use crate::bytes::has;
use crate::error::Error;
use crate::guest::{Flags, Password, PasswordError, Passwords};
use crate::limits::{PASSWORD_BYTES, USER_NAME_BYTES};
use crate::{arguments, error};

arguments! {
    /// `guest-set-user-password`.
    pub struct SetUserPasswordArguments<'a> {
        /// The name of the user.
        "username" => user: Text<'a>,
        /// The password, in base64.
        "password" => password: Text<'a>,
        /// It is hashed already.
        "crypted" => crypted: bool,
    }
}

/// `guest-set-user-password`.
#[derive(Debug)]
pub struct SetUserPassword;

impl<G: Passwords + 'static> Handler<G> for SetUserPassword {
    const NAME: &'static str = "guest-set-user-password";
    const FLAGS: Flags = Flags::SECRET;
    type Arguments<'a> = SetUserPasswordArguments<'a>;

    fn run<'a>(
        SetUserPasswordArguments { user, password, crypted }: SetUserPasswordArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let Context { guest, scratch, .. } = context;
        // The platform is left half of the room at the least; the decoder wants room for three bytes more than there are.
        let room = scratch.len().saturating_sub(USER_NAME_BYTES.saturating_add(3)) / 2;
        let limit = PASSWORD_BYTES.min(room);
        let (password_room, buffer) = scratch.split_at_mut_checked(limit.saturating_add(3)).unwrap_or_default();
        let (name_room, buffer) = buffer.split_at_mut_checked(USER_NAME_BYTES).unwrap_or_default();
        let Ok((length, password)) = base64::decode(password.escaped(), password_room) else {
            return Err(error!["Base64 data contains invalid characters"]);
        };
        let Some(password) = password.filter(|_| length <= limit) else {
            let [length, limit] = [length, limit].map(|length| u64::try_from(length).unwrap_or(u64::MAX));
            return Err(error!["the password is too long: ", length, " bytes, and at most ", limit, " are taken"]);
        };
        let forbidden = if holds(password, b"\n\0") {
            "raw password"
        } else if crypted && holds(password, b":") {
            "crypted password"
        } else if user.runs().any(|run| holds(run, b"\n:\0")) {
            "username"
        } else {
            ""
        };
        if !forbidden.is_empty() {
            return Err(error!["forbidden characters in ", forbidden]);
        }
        let password = if crypted { Password::Crypted(password) } else { Password::Raw(password) };
        // A name that is too long is nobody's.
        let set = match user.copy_to(name_room) {
            Some(name) => guest.set_password(name, password, buffer),
            None => Err(PasswordError::UnknownUser),
        };
        match set {
            Ok(()) => Ok(reply.empty()),
            Err(PasswordError::UnknownUser) => Err(error!["user '", user, "' does not exist"]),
            Err(PasswordError::System(action, what, errno)) => Err(error![action, " '", what, "': ", errno]),
        }
    }
}

/// Whether one of some bytes is in a text.
fn holds(text: &[u8], bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| has(text, byte))
}
