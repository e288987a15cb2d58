//! `guest-ssh-get-authorized-keys`: the SSH keys that let a user in.
//!
//! Schema 10.0, since 5.2.
//! Arguments: `username`.
//! Returns: `keys`, the lines of the user's .ssh/authorized_keys without blanks around them, empty ones and comments, the last
//! one first.
//! Errors: `failed to lookup user`, `failed to read` with the path, and the reason.
//! Differs from qemu-ga in that a missing file is an empty list (differences.md: ssh-missing-file), in the error for a user
//! that does not exist (differences.md: ssh-unknown-user), in links and files of others, which are not followed
//! (differences.md: ssh-links), and in the limit of a line (differences.md: ssh-long-lines).
//! Needs [`AuthorizedKeys`]; does not run while frozen; a key, or a piece of a long one, a step, so any number of them needs no
//! more memory than one. If the file is replaced in the middle the reply is broken off.

use super::{NOBODY, name, told};
use crate::args::{Arguments, Text};
use crate::arguments;
use crate::command::{Context, Cursor, Done, Handler, Reply, Step};
use crate::error::Error;
use crate::guest::{AuthorizedKeys, ListPlace};
use crate::json::write::Writer;

/// What one byte takes at the most, escaped.
const ESCAPED_BYTES: usize = 6;
/// What is around a piece of a key: a comma, a blank, and quotes.
const AROUND_BYTES: usize = 8;

arguments! {
    /// `guest-ssh-get-authorized-keys`.
    pub struct SshGetArguments<'a> {
        /// The name of the user.
        "username" => user: Text<'a>,
    }
}

/// `guest-ssh-get-authorized-keys`.
#[derive(Debug)]
pub struct SshGetAuthorizedKeys;

impl<G: AuthorizedKeys + 'static> Handler<G> for SshGetAuthorizedKeys {
    const NAME: &'static str = "guest-ssh-get-authorized-keys";
    type Arguments<'a> = SshGetArguments<'a>;

    /// Only begins the reply, and looks for the first key, so that an error can be told. The cursor is the place of the next
    /// key, whether there was one before it, and how much of it was written.
    fn run<'a>(
        SshGetArguments { user }: SshGetArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let Context { guest, scratch, .. } = context;
        let Some((name, buffer)) = name(user, scratch) else { return Err(told(user, NOBODY)) };
        match guest.next_key(name, &mut ListPlace::default(), buffer) {
            Ok(_) => Ok(reply.steps(|writer| {
                writer.raw(b"{\"keys\": [");
                Cursor::default()
            })),
            Err(error) => Err(told(user, error)),
        }
    }

    /// Writes a piece of a key, or ends the reply.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let Cursor([first, second, begun, written, ..]) = cursor;
        let Some(SshGetArguments { user }) = SshGetArguments::of(context.arguments, &mut None) else {
            return Step::Broken;
        };
        let mut place = ListPlace([*first, *second]);
        let Some((name, buffer)) = name(user, context.scratch) else { return Step::Broken };
        let key = match context.guest.next_key(name, &mut place, buffer) {
            Ok(Some(key)) => key,
            Ok(None) => {
                writer.raw(b"]}");
                return Step::Done;
            }
            Err(_) => return Step::Broken,
        };
        if *written == 0 {
            writer.raw(if *begun == 0 { b"\"" } else { b", \"" });
        }
        let done = usize::try_from(*written).unwrap_or(usize::MAX);
        let rest = key.get(done..).unwrap_or_default();
        let length = piece(rest, writer.free().saturating_sub(AROUND_BYTES) / ESCAPED_BYTES);
        writer.escaped(rest.get(..length).unwrap_or_default());
        *begun = 1;
        *written = written.wrapping_add(i64::try_from(length).unwrap_or(i64::MAX));
        if length == rest.len() {
            writer.raw(b"\"");
            ListPlace([*first, *second]) = place;
            *written = 0;
        }
        Step::More
    }
}

/// How much of a text to write where there is room for so many bytes, without splitting a character of UTF-8.
fn piece(text: &[u8], room: usize) -> usize {
    let mut length = text.len().min(room);
    // No more than three bytes of a character follow its first one.
    for _ in 0..3 {
        if length > 1 && text.get(length).is_some_and(|&next| next & 0xC0 == 0x80) {
            length = length.wrapping_sub(1);
        }
    }
    length.max(text.len().min(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_between_characters() {
        for (text, room, length) in [
            ("abc", 10, 3),
            ("abc", 2, 2),
            ("abc", 0, 1),
            ("", 0, 0),
            ("a\u{e9}b", 2, 1),
            ("ab\u{1F600}", 5, 2),
            ("ab\u{1F600}", 6, 6),
            ("\u{1F600}", 1, 1),
        ] {
            assert_eq!(piece(text.as_bytes(), room), length, "{text} in {room}");
        }
        assert_eq!(piece(&[0x80; 20], 10), 7);
    }
}
