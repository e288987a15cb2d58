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

/// The members that come from the os-release file, with the names they have there.
const MEMBERS: [(&str, &str); 7] = [
    ("id", "ID"),
    ("name", "NAME"),
    ("pretty-name", "PRETTY_NAME"),
    ("version", "VERSION"),
    ("version-id", "VERSION_ID"),
    ("variant", "VARIANT"),
    ("variant-id", "VARIANT_ID"),
];

impl<G: System + 'static> Handler<G> for GetOsinfo {
    const NAME: &'static str = "guest-get-osinfo";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let (lines, room) = context.scratch.split_at_mut_checked(context.scratch.len() / 2).unwrap_or_default();
        let slot = room.len().checked_div(MEMBERS.len()).unwrap_or(0).min(VALUE_BYTES);
        let place = |index: usize| index.saturating_mul(slot)..index.saturating_add(1).saturating_mul(slot);
        let mut lengths = [None; MEMBERS.len()];
        let mut readable = true;
        context.guest.os_release(lines, &mut |line| {
            readable &= core::str::from_utf8(line).is_ok();
            for (index, ((_, key), length)) in MEMBERS.iter().zip(&mut lengths).enumerate() {
                if let (Some(assigned), Some(value)) = (assignment(line, key), room.get_mut(place(index))) {
                    value.iter_mut().zip(assigned).for_each(|(to, from)| *to = *from);
                    *length = Some(assigned.len().min(value.len()));
                }
            }
        });
        // What is no UTF-8 is no os-release file: its members are left out.
        let values = lengths.iter().enumerate().map(|(index, length)| {
            let length = length.filter(|_| readable)?;
            room.get(place(index))?.get(..length)
        });
        let mut reply = Some(reply);
        let mut done = None;
        let kernel = context.guest.kernel_names(&mut |[release, version, machine]| {
            done = reply.take().map(|reply| {
                reply.object(|object| {
                    object.member("kernel-release").text(release);
                    object.member("kernel-version").text(version);
                    object.member("machine").text(machine);
                    for ((member, _), value) in MEMBERS.iter().zip(values.clone()) {
                        if let Some(value) = value {
                            let writer = object.member(member);
                            writer.raw(b"\"");
                            write_value(value, writer);
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

/// The value that a line assigns to `key`. Blanks around both are passed over.
fn assignment<'l>(line: &'l [u8], key: &str) -> Option<&'l [u8]> {
    let value = line.trim_ascii_start().strip_prefix(key.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
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
        Some((b'\'', quoted)) => writer.escaped(quoted.split(|&byte| byte == b'\'').next().unwrap_or_default()),
        _ => writer.escaped(value.split(|byte| matches!(byte, b' ' | b';')).next().unwrap_or_default()),
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
            ("IDS=one", None),
            ("XID=one", None),
            ("#ID=one", None),
            ("ID", None),
        ] {
            assert_eq!(assignment(line.as_bytes(), "ID"), value.map(str::as_bytes), "{line}");
        }
    }
}
