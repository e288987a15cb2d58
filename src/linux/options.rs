//! The options: what they are, what they mean, and how the command line and the configuration file come together.
//!
//! [`OPTIONS`] is their declaration: what `--help` prints is what is read, and the man page is made from it.

mod command_line;
mod config;
mod declaration;
mod dump;
mod lists;

use core::ffi::CStr;

pub use command_line::{Words, tail};
pub use config::{KEPT_BYTES, Kept};
pub use declaration::{HELP_BYTES, Known, OPTIONS, OWN, Takes, declared};
pub use dump::dump;
pub use lists::Lists;

use super::channel::HOST_CID;
use super::lines::decimal;
use super::port;
use crate::error;
use crate::error::Error;

/// The letters of options that have none.
const SHUTDOWN_TIMEOUT: u8 = OWN | b's';
const HOOK_TIMEOUT: u8 = OWN | b'h';
const FREEZE_TIMEOUT: u8 = OWN | b'f';
const VSOCK_PEER: u8 = OWN | b'v';
const BLACKLIST: u8 = OWN | b'b';
const CHECK: u8 = OWN | b'c';

/// Where the process number goes when nothing else is said.
pub const PID_FILE: &CStr = c"/var/run/qemu-ga.pid";

/// What `--dump-conf` has for the place of the state when nothing else is said.
pub const STATE_DIRECTORY: &CStr = c"/var/run";

/// What `-F` without a path means.
pub const FREEZE_HOOK: &CStr = c"/etc/qemu/fsfreeze-hook";

/// What the command line and the configuration file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `-m`, as it was given.
    pub method: &'static CStr,
    /// `-p`
    pub path: Option<&'static CStr>,
    /// `-l`
    pub log_file: Option<&'static CStr>,
    /// `-f`
    pub pid_file: Option<&'static CStr>,
    /// `-F`
    pub freeze_hook: Option<&'static CStr>,
    /// `-t`
    pub state_directory: Option<&'static CStr>,
    /// `-v`
    pub verbose: bool,
    /// `-d`
    pub daemonize: bool,
    /// `-r`; the agent always tries again.
    pub retry_path: bool,
    /// `-a` and `-b`.
    pub lists: Lists,
    /// `--shutdown-timeout`
    pub shutdown_timeout_s: u32,
    /// `--hook-timeout`: 0 for never.
    pub hook_timeout_s: u32,
    /// `--freeze-timeout`: 0 for never.
    pub freeze_timeout_s: u32,
    /// `--vsock-peer`: the only address whose clients are served; `None` for any.
    pub vsock_peer: Option<u32>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    Run,
    /// Print what results from the command line and from this configuration file.
    Dump(Option<&'static CStr>),
    /// Print what works here and what is missing, as one JSON object or as a table.
    #[cfg(feature = "check")]
    Check {
        /// As JSON.
        as_json: bool,
    },
    /// Print the names of all commands.
    Commands,
    /// Print the version.
    Version,
    /// Print the options.
    Help,
}

impl Options {
    /// What holds where nothing is said.
    pub const DEFAULT: Options = Options {
        method: c"virtio-serial",
        path: None,
        log_file: None,
        pid_file: None,
        freeze_hook: None,
        state_directory: None,
        verbose: false,
        daemonize: false,
        retry_path: false,
        lists: Lists::NONE,
        shutdown_timeout_s: 90,
        // Enough for a database to write out what it has; and clients wait longer than this for a thaw.
        hook_timeout_s: 60,
        freeze_timeout_s: 600,
        vsock_peer: Some(HOST_CID),
    };

    /// The path of the line to the host: the one given, or that of the method.
    pub fn channel_path(&self) -> Option<&'static CStr> {
        self.path.or_else(|| match self.method.to_bytes() {
            b"virtio-serial" => Some(port::DEFAULT_PATH),
            b"isa-serial" => Some(c"/dev/ttyS0"),
            _ => None,
        })
    }

    /// Takes the value of the option of this letter, which was not left out; answers what is wrong with it.
    fn set(&mut self, letter: u8, value: &'static CStr) -> Result<(), &'static str> {
        match letter {
            b'm' => self.method = value,
            b'p' => self.path = Some(value),
            b'l' => self.log_file = Some(value),
            b'f' => self.pid_file = Some(value),
            b'F' => self.freeze_hook = Some(value),
            b't' => self.state_directory = Some(value),
            HOOK_TIMEOUT => self.hook_timeout_s = number(value)?,
            FREEZE_TIMEOUT => self.freeze_timeout_s = number(value)?,
            SHUTDOWN_TIMEOUT => self.shutdown_timeout_s = number(value)?,
            CHECK if value != c"json" => return Err("may have the value json"),
            VSOCK_PEER if value == c"any" => self.vsock_peer = None,
            VSOCK_PEER => self.vsock_peer = Some(number(value)?),
            _ => {}
        }
        Ok(())
    }

    /// Switches the option of this letter on or off, which takes no value.
    fn switch(&mut self, letter: u8, on: bool) {
        match letter {
            b'v' => self.verbose = on,
            b'd' => self.daemonize = on,
            b'r' => self.retry_path = on,
            _ => {}
        }
    }
}

/// What is said of what is not in this binary.
pub(super) const LEFT_OUT: &str = "was left out when this agent was built";

/// Whether what the option of this letter is for was left out. An option that can do without goes on being accepted.
fn is_left_out(letter: u8) -> bool {
    match letter {
        b'c' | b'D' => !cfg!(feature = "config-file"),
        b'd' | b'f' => !cfg!(feature = "daemon"),
        b'l' | b'v' => !cfg!(feature = "log"),
        b'F' | HOOK_TIMEOUT | FREEZE_TIMEOUT => !cfg!(feature = "freeze"),
        SHUTDOWN_TIMEOUT => !cfg!(feature = "power"),
        VSOCK_PEER => !cfg!(feature = "vsock-listen"),
        CHECK => !cfg!(feature = "check"),
        _ => false,
    }
}

fn number(value: &CStr) -> Result<u32, &'static str> {
    match decimal(value.to_bytes()) {
        Some((value, b"")) => u32::try_from(value).ok(),
        _ => None,
    }
    .ok_or("wants a number from 0 to 4294967295")
}

/// Why the agent does not start.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// What was wrong.
    pub error: Error<'static>,
    /// It is the way the options are written, so `--help` helps.
    pub of_syntax: bool,
}

/// Reads the command line and the configuration file into `options`. `line` is room for the longest line of that file; what
/// is kept of it goes into `kept`.
///
/// # Errors
/// An option that is unknown, ambiguous, without the argument it takes, or with one it does not take; a value that is
/// none; a configuration file that can not be read or understood; what was left out when this agent was built.
#[inline(never)] // smaller so
pub fn read(words: &Words<'_>, line: &mut [u8], kept: &mut Kept, options: &mut Options) -> Result<Action, Refused> {
    // Neither is in the binary if its feature is off.
    let config = if cfg!(feature = "config-file") {
        config::read(config_named(words), line, kept, options).map_err(of_values)?
    } else {
        None
    };
    if cfg!(feature = "command-line") {
        take_command_line(words, config, options)
    } else if words(0).is_some() {
        Err(of_values(error!["the command line ", LEFT_OUT]))
    } else {
        Ok(Action::Run)
    }
}

fn of_values(error: Error<'static>) -> Refused {
    Refused { error, of_syntax: false }
}

/// The configuration file that the command line names.
fn config_named(words: &Words<'_>) -> Option<&'static CStr> {
    let mut named = None;
    if cfg!(feature = "command-line") {
        // What is wrong is told when the options are taken.
        let _: Result<(), Error<'_>> = command_line::each(words, &mut |option, value| {
            if option.letter == b'c' {
                named = value;
            }
            true
        });
    }
    named
}

/// Takes the options of the command line, after those of the file `config`.
fn take_command_line(
    words: &Words<'_>,
    config: Option<&'static CStr>,
    options: &mut Options,
) -> Result<Action, Refused> {
    let mut dumps = false;
    #[cfg_attr(not(feature = "check"), allow(unused_mut))] // it is as it should be
    let mut checks = None;
    let mut instead = None;
    let mut wrong = None;
    let taken = command_line::each(words, &mut |option, value| {
        if is_left_out(option.letter) {
            wrong = Some(error!["option '--", option.name, "' ", LEFT_OUT]);
            return false;
        }
        #[cfg(feature = "check")]
        if option.letter == CHECK {
            checks = Some(Action::Check { as_json: value.is_some() });
        }
        match (option.letter, value) {
            (b'V', _) => instead = Some(Action::Version),
            (b'h', _) => instead = Some(Action::Help),
            (b'D', _) => dumps = true,
            (b'F', None) => options.freeze_hook = Some(FREEZE_HOOK),
            (letter, None) => options.switch(letter, true),
            (letter, Some(value)) => match (options.lists.of(letter), value.to_bytes()) {
                (Some(_), b"help" | b"?") => instead = Some(Action::Commands),
                (Some(list), names) => list.add(names),
                (None, text) => {
                    let set = options.set(letter, value);
                    wrong = set.err().map(|why| error!["option '--", option.name, "' ", why, ", not '", text, "'"]);
                }
            },
        }
        instead.is_none() && wrong.is_none()
    });
    taken.map_err(|error| Refused { error, of_syntax: true })?;
    match (wrong, instead) {
        (Some(error), _) => Err(of_values(error)),
        (None, Some(action)) => Ok(action),
        (None, None) if let Some(action) = checks => Ok(action),
        (None, None) if dumps => Ok(Action::Dump(config)),
        (None, None) => Ok(Action::Run),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
