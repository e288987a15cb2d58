//! From the command line to the loop.

use core::ffi::CStr;

use super::Linux;
use super::channel::Channel;
#[cfg(feature = "check")]
use super::check::check;
use super::complaint::failed;
use super::log::{Level, Log};
use super::options::{self, Action, HELP_BYTES, Kept, OPTIONS, Options, Refused, Words};
use super::print::Printer;
use super::run::Runner;
use super::table::TABLE;
use crate::agent::{Agent, Buffers};
use crate::command::info::{IMPLEMENTATION, SCHEMA_VERSION};
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::limits::{NESTING, TOKEN_TEXT_BYTES, linux as limits};
use crate::request::{Key, Storage};
use crate::sys::daemon::{self, Side, Starting};
use crate::sys::start::{self, Arguments, Once};
use crate::sys::{process, signal};

/// The buffers of the agent, in the binary's zero-initialised data.
// In this order the pages that are used from the first request on are few: most of the large buffers have only one.
#[repr(C)]
struct Memory {
    request: [u8; limits::REQUEST_BYTES],
    id: [u8; limits::ID_BYTES],
    #[cfg(feature = "exec")]
    children: super::children::Room,
    output: [u8; limits::OUTPUT_BYTES],
    input: [u8; limits::INPUT_BYTES],
    keys: [Key; limits::KEYS],
    token: [u8; TOKEN_TEXT_BYTES],
    nesting: [u8; NESTING / 8],
}

static MEMORY: Once<Memory> = Once::new(Memory {
    input: [0; limits::INPUT_BYTES],
    output: [0; limits::OUTPUT_BYTES],
    request: [0; limits::REQUEST_BYTES],
    id: [0; limits::ID_BYTES],
    token: [0; TOKEN_TEXT_BYTES],
    keys: [Key::NONE; limits::KEYS],
    nesting: [0; NESTING / 8],
    #[cfg(feature = "exec")]
    children: super::children::Room::new(),
});

/// What of it serving takes.
struct Lent {
    buffers: Buffers<'static>,
    #[cfg(feature = "exec")]
    children: &'static mut super::children::Room,
}

/// Without it, what only a command line asks for is not in the binary.
const HAS_COMMAND_LINE: bool = cfg!(feature = "command-line");

/// The agent as a process; answers its exit status.
pub fn main(mut arguments: Arguments) -> i32 {
    let has_standard_error = start::fill_standard_descriptors();
    let name = arguments.next().unwrap_or(c"picoqga").to_bytes();
    let Some(memory) = MEMORY.take() else { return 1 };
    // What is kept of the configuration file takes the end of the output buffer.
    let mut kept = Kept::new(&mut memory.output);
    let words = |index| arguments.get(index);
    let mut options = Options::DEFAULT;
    let action = options::read(&words, &mut memory.request, &mut kept, &mut options);
    let mut log = Log::new(None, options.verbose);
    if !has_standard_error || process::id() == 1 {
        log.leave_standard_error();
    }
    let done = match action {
        Ok(action) if action == Action::Run || !HAS_COMMAND_LINE => {
            let buffers = Buffers {
                input: &mut memory.input,
                output: kept.into_free(),
                request: Storage {
                    request: &mut memory.request,
                    scratch_bytes: limits::SCRATCH_BYTES,
                    id: &mut memory.id,
                    token: &mut memory.token,
                    keys: &mut memory.keys,
                    nesting: &mut memory.nesting,
                },
            };
            let lent = Lent {
                buffers,
                #[cfg(feature = "exec")]
                children: &mut memory.children,
            };
            return run(&mut options, log, lent);
        }
        // It is above.
        Ok(Action::Run) => Ok(()),
        Ok(Action::Dump(config)) => dump(&mut options, config, &words, &mut memory.request),
        #[cfg(feature = "check")]
        Ok(Action::Check { as_json }) => {
            return check(&mut options, log, as_json, &mut memory.request, kept.into_free());
        }
        Ok(Action::Version) => {
            print(&[b"QEMU Guest Agent ", SCHEMA_VERSION.as_bytes(), b" (", IMPLEMENTATION.as_bytes(), b")\n"]);
            Ok(())
        }
        Ok(Action::Help) => {
            print(&[
                b"Usage: ",
                name,
                b" [-m METHOD] [-p PATH] [OPTION]... (-h, --help: print this)\n",
                OPTIONS.as_bytes().get(..HELP_BYTES).unwrap_or_default(),
            ]);
            Ok(())
        }
        Ok(Action::Commands) => {
            let mut printer = Printer::new();
            for row in TABLE.rows() {
                printer.put(row.name.as_bytes());
                printer.put(b"\n");
            }
            Ok(())
        }
        Err(Refused { error, of_syntax }) if !of_syntax || !HAS_COMMAND_LINE => Err(error),
        Err(Refused { error, .. }) => {
            start::write_to_standard_error(name);
            start::write_to_standard_error(b": ");
            error.pieces(&mut start::write_to_standard_error);
            start::write_to_standard_error(b"\n");
            print(&[b"Unknown option, try '", name, b" --help' for more information.\n"]);
            return 1;
        }
    };
    status(&log, done)
}

#[inline(never)] // as for `dump`
fn print(pieces: &[&[u8]]) {
    let mut printer = Printer::new();
    for piece in pieces {
        printer.put(piece);
    }
}

/// The exit status of what was done. Why it failed is logged.
fn status(log: &Log, done: Result<(), Error<'_>>) -> i32 {
    match done {
        Ok(()) => 0,
        Err(error) => {
            log.error(Level::Critical, &error);
            1
        }
    }
}

#[inline(never)] // what is seldom wanted has no place in what runs at each start
fn dump(
    options: &mut Options,
    config: Option<&CStr>,
    words: &Words<'_>,
    line: &mut [u8],
) -> Result<(), Error<'static>> {
    let activated = Channel::activated(options)?;
    if !cfg!(feature = "config-file") {
        return Ok(());
    }
    if activated.is_none() && options.channel_path().is_none() {
        return Channel::new(options).map(drop);
    }
    options::dump(options, config, words, line);
    Ok(())
}

/// Serves, in the background if the options say so.
fn run(options: &mut Options, log: Log, lent: Lent) -> i32 {
    let activated = match Channel::activated(options) {
        Ok(activated) => activated,
        Err(error) => return status(&log, Err(error)),
    };
    let starting = match (cfg!(feature = "daemon") && options.daemonize).then(daemon::detach).transpose() {
        Ok(None) => None,
        Ok(Some(Side::Child(starting))) => Some(starting),
        Ok(Some(Side::Parent(status))) => return status,
        Err(errno) => return status(&log, Err(error!["cannot go into the background: ", errno])),
    };
    let mut guest = Linux::new(log, options);
    #[cfg(feature = "exec")]
    guest.lend_children(lent.children);
    let served = serve(options, activated, lent.buffers, starting, &mut guest);
    status(&guest.log, served)
}

fn serve(
    options: &Options,
    activated: Option<Channel>,
    buffers: Buffers<'_>,
    starting: Option<Starting>,
    guest: &mut Linux,
) -> Result<(), Error<'static>> {
    let signals = signal::install().map_err(|errno| error!["cannot handle signals: ", errno])?;
    #[cfg(any(feature = "daemon", feature = "log"))]
    guest.open_own_files()?;
    let channel = match activated {
        Some(channel) => channel,
        None => Channel::new(options)?,
    };
    let name = channel.name();
    let opening = |errno| failed("error opening channel '", name, errno);
    let served = match Runner::new(channel, Agent::new(&TABLE, buffers), guest, signals) {
        Ok(mut runner) => converse(&mut runner, starting).map_err(opening),
        Err(errno) => Err(error!["this kernel cannot wait for events (epoll): ", errno]),
    };
    #[cfg(feature = "freeze")]
    guest.thaw_by_itself("it stops");
    #[cfg(any(feature = "daemon", feature = "log"))]
    guest.own_files.remove();
    served
}

/// Opens the line, tells the parent that this is done, and runs until the end.
fn converse(runner: &mut Runner<'_>, starting: Option<Starting>) -> Result<(), Errno> {
    runner.start()?;
    if let Some(starting) = starting {
        starting.succeeded();
        runner.guest().log.leave_standard_error();
    }
    runner.run()
}
