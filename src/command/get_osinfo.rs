//! `guest-get-osinfo`: which system the guest runs.
//!
//! Schema 10.0, since 2.10.
//! Arguments: none.
//! Returns, each if it is known: `kernel-release`, `kernel-version`, `machine` from uname(2); `id`, `name`, `pretty-name`,
//! `version`, `version-id`, `variant`, `variant-id` from the os-release file (os-release(5)); the last assignment counts.
//! Errors: `uname failed`, with the reason.
//! Differs from qemu-ga in values in single quotes, whose quotes are taken off, and in the text behind a closing quote
//! and of an unterminated one (differences.md: osinfo-quotes).
//! Needs [`System`]; does not run while frozen; the file is read into the scratch room, at most [`FILE_BYTES`] of it.

use super::{Context, Done, Handler, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::System;
use crate::json::write::{Object, Writer};

/// `guest-get-osinfo`.
#[derive(Debug)]
pub struct GetOsinfo;

/// How much of an os-release file is read. Escaped at six bytes a byte, it fits into half of the output buffer.
pub const FILE_BYTES: usize = 4096;

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
        let room = context.scratch.len().min(FILE_BYTES);
        let file = context.guest.os_release(context.scratch.get_mut(..room).unwrap_or_default());
        // What is no UTF-8 is no os-release file: its members are left out.
        let file = file.filter(|file| core::str::from_utf8(file).is_ok()).unwrap_or_default();
        let mut reply = Some(reply);
        let mut done = None;
        let kernel = context.guest.kernel_names(&mut |[release, version, machine]| {
            done = reply.take().map(|reply| {
                reply.object(|object| {
                    object.member("kernel-release").text(release);
                    object.member("kernel-version").text(version);
                    object.member("machine").text(machine);
                    MEMBERS.iter().for_each(|member| write_member(*member, file, object));
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

fn write_member((member, key): (&str, &str), file: &[u8], object: &mut Object<'_, '_>) {
    let assigned = |line: &'_ [u8]| line.strip_prefix(key.as_bytes())?.strip_prefix(b"=").map(<[u8]>::len);
    // Where the value of the last assignment starts, and its length.
    let Some((line, length)) = file.split(|&byte| byte == b'\n').rev().find_map(|line| Some((line, assigned(line)?)))
    else {
        return;
    };
    let value = line.get(line.len().saturating_sub(length)..).unwrap_or_default();
    let writer = object.member(member);
    writer.raw(b"\"");
    write_value(value, writer);
    writer.raw(b"\"");
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

    fn member(key: (&str, &str), file: &str) -> String {
        let mut buffer = [0; 256];
        let mut writer = Writer::new(&mut buffer, 0);
        writer.object(|object| write_member(key, file.as_bytes(), object));
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn values_lose_the_quoting_of_the_shell() {
        for (line, value) in [
            ("ID=debian", "debian"),
            ("ID=two words", "two"),
            ("ID=a;b", "a"),
            ("ID=", ""),
            (r#"ID="two words""#, "two words"),
            (r#"ID="a \$ \' \\ \` \n \x""#, r"a $ ' \\ ` \\n \\x"),
            (r#"ID="a \" b" rest"#, r#"a \" b"#),
            (r#"ID="open"#, "open"),
            (r#"ID="open\"#, r"open\\"),
            ("ID='single quoted'", "single quoted"),
            ("ID='a \"b\"'c", r#"a \"b\""#),
            ("ID=\"\u{e9}\"", r"\u00E9"),
        ] {
            assert_eq!(member(("id", "ID"), line), format!(r#"{{"id": "{value}"}}"#), "{line}");
        }
    }

    #[test]
    fn the_last_assignment_of_the_whole_name_counts() {
        let file = "ID=one\nVERSION_ID=2\n#ID=three\nXID=four\nID=five\nIDS=six\n";
        assert_eq!(member(("id", "ID"), file), r#"{"id": "five"}"#);
        assert_eq!(member(("name", "NAME"), file), "{}");
    }
}
