//! The command line, read as getopt_long(3) does, and the declaration of the options.

use core::ffi::CStr;

use super::BLACKLIST;
use crate::error;
use crate::error::Error;
use crate::linux::complaint::quoted;

/// The words of a command line by their number, without the name of the program.
pub type Words<'w> = dyn Fn(usize) -> Option<&'static CStr> + 'w;

/// All options, as `--help` prints them: this text is the declaration. A line that begins with two blanks declares one:
/// its letter, if it has one, its long name, and the value it takes in capitals, in brackets if it may be left out.
///
/// It fits a screen of 24 lines of 80 columns, with the usage line above it. Behind the empty line is what is read as well,
/// but not told of here: the name that `--block-rpcs` had up to qemu-ga 7, an option that does nothing on Linux, and the one
/// that prints this, of which the usage line tells.
pub const OPTIONS: &str = "\
Talking to the host:
  -m, --method METHOD        virtio-serial, isa-serial, (unix|vsock)-listen, fd
  -p, --path PATH            device, socket, CID:PORT or number of a descriptor
      --vsock-peer CID       the only CID that is served (2, the host), or `any`
  -r, --retry-path           accepted: a line that is lost is always looked for
Running:
  -c, --config PATH          a file of options (/etc/qemu/qemu-ga.conf)
  -d, --daemonize            go into the background once started
  -f, --pidfile PATH         write the process number there, and lock the file
  -l, --logfile PATH         messages go there, not to standard error or syslog
  -t, --statedir DIR         a freeze is noted there (/run, else /var/run)
  -v, --verbose              also say what goes on
Commands:
  -a, --allow-rpcs LIST      no command but these, which commas separate
  -b, --block-rpcs LIST      not these commands; `help` lists all there are
  -F, --fsfreeze-hook[=PATH] runs for each freeze (/etc/qemu/fsfreeze-hook)
      --hook-timeout S       how long it may take each time (60); 0 for no limit
      --freeze-timeout S     end a freeze nobody asks about (600); 0 for never
      --shutdown-timeout S   how long PID 1 has to stop the machine (90)
Telling:
      --check[=json]         what works here, what is missing, and how to get it
  -D, --dump-conf            print the configuration that results
  -V, --version              print the version

      --blacklist LIST
  -h, --help
  -s, --service WHAT
";

/// How much of [`OPTIONS`] `--help` prints.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
pub const HELP_BYTES: usize = {
    let text = OPTIONS.as_bytes();
    let mut end = 1;
    while !(text[end] == b'\n' && text[end - 1] == b'\n') {
        end += 1;
    }
    end
};

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// It takes none.
    Nothing,
    /// It takes one.
    Value,
    /// It takes one that may be left out: behind its letter, or behind `=`.
    Perhaps,
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its letter, by which it is told from the others. All options of qemu-ga have one; one of our own has the first of
    /// its name with [`OWN`] instead.
    pub letter: u8,
    /// Its long name.
    pub name: &'static [u8],
    /// Its value.
    pub takes: Takes,
}

/// What marks the letter of an option that can not be given by it.
pub const OWN: u8 = 0x80;

impl Known {
    /// The option that a line of [`OPTIONS`] declares.
    fn of(line: &'static [u8]) -> Option<Known> {
        let rest = line.strip_prefix(b"  ")?;
        let (letter, rest) = match rest {
            [b'-', letter, b',', b' ', b'-', b'-', rest @ ..] => (*letter, rest),
            [b' ', b' ', b' ', b' ', b'-', b'-', rest @ ..] => (rest.first()? | OWN, rest),
            _ => return None,
        };
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'[')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at_checked(end)?;
        let takes = match behind {
            [b'[', ..] => Takes::Perhaps,
            [b' ', b'A'..=b'Z', ..] => Takes::Value,
            _ => Takes::Nothing,
        };
        Some(Known { letter, name, takes })
    }

    /// The option of that name.
    pub fn named(name: &[u8]) -> Option<Known> {
        declared().find(|known| known.name == name)
    }
}

/// The options that [`OPTIONS`] declares.
pub fn declared() -> Declared {
    Declared { rest: OPTIONS.as_bytes() }
}

/// See [`declared`].
#[derive(Clone, Debug)]
pub struct Declared {
    rest: &'static [u8],
}

impl Iterator for Declared {
    type Item = Known;

    #[inline(never)]
    fn next(&mut self) -> Option<Known> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&byte| byte == b'\n')?;
            let (line, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest.get(1..)?;
            if let Some(known) = Known::of(line) {
                return Some(known);
            }
        }
        None
    }
}

/// Gives each option with its value to `take`, until that answers false. What is no option is passed over, and what is
/// behind `--` is none.
///
/// # Errors
/// What is wrong with an option, as glibc words it.
pub(super) fn each(
    words: &Words<'_>,
    take: &mut dyn FnMut(Known, Option<&'static CStr>) -> bool,
) -> Result<(), Error<'static>> {
    let mut index = 0_usize;
    let mut next = || {
        index = index.saturating_add(1);
        words(index.saturating_sub(1))
    };
    // The rest of a bundle of letters.
    let mut letters = c"";
    loop {
        let (known, value) = if let Some(&letter) = letters.to_bytes().first() {
            let bundle = letters.to_bytes().get(..1).unwrap_or_default();
            let known = declared().find(|known| known.letter == letter && letter < OWN);
            let known = known.ok_or_else(|| quoted("invalid option -- '", bundle, "'"))?;
            letters = tail(letters, 1);
            // The first letter with a value takes the rest of the bundle, or what follows.
            let value = match known.takes {
                Takes::Nothing => None,
                Takes::Value if letters.is_empty() => {
                    Some(next().ok_or_else(|| quoted("option requires an argument -- '", bundle, "'"))?)
                }
                Takes::Perhaps if letters.is_empty() => None,
                _ => Some(core::mem::replace(&mut letters, c"")),
            };
            (known, value)
        } else {
            let Some(word) = next() else { return Ok(()) };
            match word.to_bytes() {
                b"--" => return Ok(()),
                [b'-', b'-', ..] => {
                    let (known, value) = long(word)?;
                    let value = match (known.takes, value) {
                        (Takes::Nothing, Some(_)) => {
                            return Err(quoted("option '--", known.name, "' doesn't allow an argument"));
                        }
                        (Takes::Value, None) => {
                            Some(next().ok_or_else(|| quoted("option '--", known.name, "' requires an argument"))?)
                        }
                        (_, value) => value,
                    };
                    (known, value)
                }
                [b'-', _, ..] => {
                    letters = tail(word, 1);
                    continue;
                }
                _ => continue,
            }
        };
        if !take(known, value) {
            return Ok(());
        }
    }
}

/// A long option and the value behind its `=`. The name may be cut where it stays unambiguous; what is unambiguous to
/// qemu-ga is so here, whatever options of our own begin alike.
#[inline(never)] // smaller so
fn long(word: &'static CStr) -> Result<(Known, Option<&'static CStr>), Error<'static>> {
    let text = word.to_bytes();
    let end = text.iter().position(|&byte| byte == b'=').unwrap_or(text.len());
    let name = text.get(2..end).unwrap_or_default();
    let value = if end < text.len() { Some(tail(word, end.saturating_add(1))) } else { None };
    let mut found: Option<Known> = None;
    let mut other: Option<Known> = None;
    for known in declared() {
        if known.name == name {
            return Ok((known, value));
        }
        if !known.name.starts_with(name) || matches!(known.letter, b's' | BLACKLIST) {
            continue;
        }
        match found {
            Some(before) if before.letter < OWN && known.letter >= OWN => {}
            Some(before) if (before.letter < OWN) == (known.letter < OWN) => other = other.or(Some(known)),
            _ => {
                found = Some(known);
                other = None;
            }
        }
    }
    match (found, other) {
        (Some(known), None) => Ok((known, value)),
        (Some(one), Some(other)) => {
            Err(error!["option '", text, "' is ambiguous; possibilities: '--", one.name, "' '--", other.name, "'"])
        }
        (None, _) => Err(quoted("unrecognized option '", text, "'")),
    }
}

/// What is left of a text behind its first bytes.
#[inline(never)] // smaller so
pub fn tail(text: &'static CStr, start: usize) -> &'static CStr {
    let bytes = text.to_bytes_with_nul().get(start..).unwrap_or_default();
    CStr::from_bytes_until_nul(bytes).unwrap_or(c"")
}
