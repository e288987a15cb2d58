//! `--dump-conf`: what results from the command line and the configuration file, as such a file.
//!
//! The lists are printed from where they stand, those of the file first, each option's last name first, as qemu-ga does: no
//! memory holds them.

use core::ffi::CStr;

use super::command_line::{Words, each};
use super::config::{Unescaped, Wrong, each_value};
use super::lists::names;
use super::{BLACKLIST, Options};
use crate::error::Error;
use crate::json::write::decimal;
use crate::linux::channel::HOST_CID;
use crate::linux::print::Printer;

/// A value under way: blanks at its start, line ends and backslashes are escaped.
struct Value<'p> {
    printer: &'p mut Printer,
    only_blanks: bool,
    has_names: bool,
}

impl Value<'_> {
    #[inline(never)]
    fn put(&mut self, byte: u8) {
        let escaped = match byte {
            b' ' if self.only_blanks => b's',
            b'\t' if self.only_blanks => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\\' => b'\\',
            _ => 0,
        };
        self.only_blanks &= matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if escaped == 0 {
            self.printer.put(&[byte]);
        } else {
            self.printer.put(&[b'\\', escaped]);
        }
    }

    /// Puts the names of a list as it was written.
    fn put_names(&mut self, list: &[u8], has_escapes: bool) {
        for name in names(list).rev() {
            if core::mem::replace(&mut self.has_names, true) {
                self.put(b',');
            }
            if has_escapes {
                Unescaped(name).for_each(|byte| self.put(byte.unwrap_or_default()));
            } else {
                name.iter().for_each(|&byte| self.put(byte));
            }
        }
    }
}

/// Begins the line of a key.
fn begin<'p>(printer: &'p mut Printer, key: &str) -> Value<'p> {
    printer.put(key.as_bytes());
    printer.put(b"=");
    Value { printer, only_blanks: true, has_names: false }
}

/// Prints the line of a key, if it has a value.
#[inline(never)]
fn text(printer: &mut Printer, key: &str, value: Option<&[u8]>) {
    if let Some(bytes) = value {
        let mut value = begin(printer, key);
        bytes.iter().for_each(|&byte| value.put(byte));
        printer.put(b"\n");
    }
}

fn word(on: bool) -> Option<&'static [u8]> {
    Some(if on { b"true" } else { b"false" })
}

/// Prints it. `config` is the file that was read; `line` is room for its longest line.
#[inline(never)] // smaller so
pub fn dump(options: &Options, config: Option<&CStr>, words: &Words<'_>, line: &mut [u8]) {
    let printer = &mut Printer::new();
    text(printer, "[general]\ndaemon", word(options.daemonize));
    text(printer, "method", Some(options.method.to_bytes()));
    text(printer, "path", options.channel_path().map(CStr::to_bytes));
    text(printer, "logfile", options.log_file.map(CStr::to_bytes));
    text(printer, "pidfile", Some(options.pid_file.unwrap_or(super::PID_FILE).to_bytes()));
    text(printer, "fsfreeze-hook", options.freeze_hook.map(CStr::to_bytes));
    text(printer, "statedir", Some(options.state_directory.unwrap_or(super::STATE_DIRECTORY).to_bytes()));
    text(printer, "verbose", word(options.verbose));
    text(printer, "retry-path", word(options.retry_path));
    // Options of our own are told of where they say something, so that the text is qemu-ga's as long as they do not.
    let mut seconds = |key, value: u32, usual| {
        if value != usual {
            text(printer, key, Some(decimal(value.into(), &mut [0; 20])));
        }
    };
    seconds("hook-timeout", options.hook_timeout_s, Options::DEFAULT.hook_timeout_s);
    seconds("freeze-timeout", options.freeze_timeout_s, Options::DEFAULT.freeze_timeout_s);
    seconds("shutdown-timeout", options.shutdown_timeout_s, Options::DEFAULT.shutdown_timeout_s);
    if options.vsock_peer != Some(HOST_CID) {
        let mut digits = [0; 20];
        text(printer, "vsock-peer", Some(options.vsock_peer.map_or(b"any", |cid| decimal(cid.into(), &mut digits))));
    }
    for &letter in b"ba" {
        let value = &mut begin(printer, if letter == b'b' { "block-rpcs" } else { "allow-rpcs" });
        if let Some(config) = config {
            names_of_file(letter, config, line, value);
        }
        // The options have been read before: nothing is wrong with them.
        let _: Result<(), Error<'_>> = each(words, &mut |option, list| {
            if adds(option.letter, letter) {
                value.put_names(list.unwrap_or_default().to_bytes(), false);
            }
            true
        });
        printer.put(b"\n");
    }
}

/// Whether an option adds to the list of the one of the letter `list`.
fn adds(letter: u8, list: u8) -> bool {
    letter == list || (letter == BLACKLIST && list == b'b')
}

/// Of keys given twice the last one counts, so they are counted first.
fn names_of_file(letter: u8, config: &CStr, line: &mut [u8], value: &mut Value<'_>) {
    let mut left = 0_usize;
    // The file has been read before; should it be gone by now, nothing of it is printed.
    let _: Result<(), Wrong> = each_value(config, line, &mut |option, _| {
        left = left.saturating_add(usize::from(adds(option.letter, letter)));
        Ok(())
    });
    let _: Result<(), Wrong> = each_value(config, line, &mut |option, list| {
        if adds(option.letter, letter) {
            left = left.saturating_sub(1);
            if left == 0 {
                value.put_names(list, true);
            }
        }
        Ok(())
    });
}
