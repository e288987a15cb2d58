//! The command line, read as getopt_long(3) does.

use core::ffi::CStr;

use super::BLACKLIST;
use super::declaration::{Known, OWN, Takes, declared};
use crate::error;
use crate::error::Error;
use crate::linux::complaint::quoted;

/// The words of a command line by their number, without the name of the program.
pub type Words<'w> = dyn Fn(usize) -> Option<&'static CStr> + 'w;

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
