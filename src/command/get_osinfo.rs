//! `guest-get-osinfo`: which system the guest runs.
//!
//! Schema 10.0, since 2.10.
//! Arguments: none.
//! Returns, each if it is known: `kernel-release`, `kernel-version`, `machine` from uname(2); `id`, `name`, `pretty-name`,
//! `version`, `version-id`, `variant`, `variant-id` from the os-release file (os-release(5)); the last assignment counts.
//! Errors: `uname failed`, with the reason.
//! Differs from qemu-ga in values in single quotes, whose quotes are taken off, and in the text behind a closing quote
//! and of an unterminated one (differences.md: osinfo-quotes), and in passing over lines that assign nothing, for which
//! qemu-ga drops the file (osinfo-lenient).
//! Needs [`System`]; does not run while frozen; the file is read line by line through the scratch room, which also keeps
//! the values, cut at 700 bytes each.

use super::{Context, Done, Handler, Reply};
use crate::args::NoArguments;
use crate::bytes::{before, position, put, split_once, take_word};
use crate::error;
use crate::error::Error;
use crate::guest::System;
use crate::json::write::Writer;

/// `guest-get-osinfo`.
#[derive(Debug)]
pub struct GetOsinfo;

/// The longest value that is told whole, in bytes. Seven of them, escaped at six bytes a byte, fit into half of the output
/// buffer.
const VALUE_BYTES: usize = 700;

/// The members that come from the os-release file.
const MEMBERS: &[u8] = b"id name pretty-name version version-id variant variant-id";
/// The names they have there.
const KEYS: &[u8] = b"ID NAME PRETTY_NAME VERSION VERSION_ID VARIANT VARIANT_ID";
/// How many there are.
const COUNT: usize = 7;

impl<G: System + 'static> Handler<G> for GetOsinfo {
    const NAME: &'static str = "guest-get-osinfo";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let (lines, room) = context.scratch.split_at_mut_checked(context.scratch.len() / 2).unwrap_or_default();
        let slot = (room.len() / COUNT).min(VALUE_BYTES);
        let mut lengths = [None; COUNT];
        let mut readable = true;
        context.guest.os_release(lines, &mut |line| {
            readable &= core::str::from_utf8(line).is_ok();
            let Some((index, value)) = assignment(line) else { return };
            let value = value.get(..slot).unwrap_or(value);
            if let Some(length) = lengths.get_mut(index)
                && put(room, index.wrapping_mul(slot), value).is_some()
            {
                *length = Some(value.len());
            }
        });
        let mut reply = Some(reply);
        let mut done = None;
        let kernel = context.guest.kernel_names(&mut |[release, version, machine]| {
            done = reply.take().map(|reply| {
                reply.object(|object| {
                    object.member("kernel-release").text(release);
                    object.member("kernel-version").text(version);
                    object.member("machine").text(machine);
                    let mut members = MEMBERS;
                    for (index, length) in lengths.iter().enumerate() {
                        let member = take_word(&mut members);
                        // What is no UTF-8 is no os-release file: its members are left out.
                        if let Some(length) = length
                            && readable
                            && let Some(value) = room.get(index.wrapping_mul(slot)..)
                        {
                            let writer = object.named(member);
                            writer.raw(b"\"");
                            write_value(value.get(..*length).unwrap_or_default(), writer);
                            writer.raw(b"\"");
                        }
                    }
                })
            });
        });
        match (kernel, done) {
            (Ok(()), Some(done)) => Ok(done),
            (Ok(()), None) => Err(error!["uname failed"]),
            (Err(errno), _) => Err(error!["uname failed: ", errno]),
        }
    }
}

/// Which member a line assigns to, and what. Blanks around both are passed over.
fn assignment(line: &[u8]) -> Option<(usize, &[u8])> {
    let (key, value) = split_once(line, b'=')?;
    Some((position(KEYS, key.trim_ascii())?, value.trim_ascii()))
}

/// Writes a value without the quoting of the shell, as os-release(5) describes it.
fn write_value(value: &[u8], writer: &mut Writer<'_>) {
    match value.split_first() {
        Some((b'"', quoted)) => {
            let mut rest = quoted;
            while let Some((&first, after)) = rest.split_first() {
                rest = match (first, after.split_first()) {
                    (b'"', _) => return,
                    (b'\\', Some((escaped @ (b'$' | b'\'' | b'"' | b'\\' | b'`'), after))) => {
                        writer.escaped(core::slice::from_ref(escaped));
                        after
                    }
                    _ => {
                        let run = after.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(after.len());
                        let run = run.saturating_add(1);
                        writer.escaped(rest.get(..run).unwrap_or_default());
                        rest.get(run..).unwrap_or_default()
                    }
                };
            }
        }
        Some((b'\'', quoted)) => writer.escaped(before(quoted, b'\'')),
        _ => writer.escaped(before(before(value, b' '), b';')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_the_quoting_of_the_shell() {
        for (typed, value) in [
            ("debian", "debian"),
            ("two words", "two"),
            ("a;b", "a"),
            ("", ""),
            (r#""two words""#, "two words"),
            (r#""a \$ \' \\ \` \n \x""#, r"a $ ' \\ ` \\n \\x"),
            (r#""a \" b" rest"#, r#"a \" b"#),
            (r#""open"#, "open"),
            (r#""open\"#, r"open\\"),
            ("'single quoted'", "single quoted"),
            ("'a \"b\"'c", r#"a \"b\""#),
            ("\"\u{e9}\"", r"\u00E9"),
        ] {
            let mut buffer = [0; 256];
            let mut writer = Writer::new(&mut buffer, 0);
            write_value(typed.as_bytes(), &mut writer);
            let length = writer.len();
            assert_eq!(str::from_utf8(&buffer[..length]), Ok(value), "{typed}");
        }
    }

    #[test]
    fn only_the_whole_name_is_assigned() {
        for (line, value) in [
            ("ID=one", Some("one")),
            ("  ID = one \r", Some("one")),
            ("ID=", Some("")),
            ("NAME ID=one", None),
            ("IDS=one", None),
            ("XID=one", None),
            ("#ID=one", None),
            ("ID", None),
        ] {
            assert_eq!(assignment(line.as_bytes()), value.map(|value| (0, value.as_bytes())), "{line}");
        }
        assert_eq!(assignment(b"VARIANT_ID=x"), Some((COUNT - 1, &b"x"[..])));
    }
}
