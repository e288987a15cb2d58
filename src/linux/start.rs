//! From the command line to the loop.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::channel::Channel;
#[cfg(feature = "check")]
use super::check::check;
use super::complaint::failed;
use super::log::{Level, Log};
use super::options::{self, Action, HELP_BYTES, Kept, OPTIONS, Options, Refused, Words};
use super::print::Printer;
use super::run::Runner;
use super::table::TABLE;
use super::{Linux, Rooms};
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

/// What the agent works in and with, in the binary's zero-initialised data: on the stack each page of it would be touched.
///
/// A page is touched as a whole, so those that are in use while the agent is idle are few. All that is small is at the start,
/// behind the variables of the C library and in the page of those (src/main.ld), with the start of the buffer for input.
/// Requests begin where the open keys end, and replies in a third page. tests/process/memory.py looks that no more are in
/// use.
#[repr(C)]
struct Memory {
    options: MaybeUninit<Options>,
    guest: MaybeUninit<Linux>,
    agent: MaybeUninit<Agent<'static, Linux>>,
    nesting: [u8; NESTING / 8],
    token: [u8; TOKEN_TEXT_BYTES],
    input: [u8; limits::INPUT_BYTES],
    id: [u8; limits::ID_BYTES],
    keys: [Key; limits::KEYS],
    request: [u8; limits::REQUEST_BYTES],
    output: [u8; limits::OUTPUT_BYTES],
    rooms: Rooms,
}

static MEMORY: Once<Memory> = Once::new(Memory {
    options: MaybeUninit::uninit(),
    guest: MaybeUninit::uninit(),
    agent: MaybeUninit::uninit(),
    nesting: [0; NESTING / 8],
    token: [0; TOKEN_TEXT_BYTES],
    input: [0; limits::INPUT_BYTES],
    id: [0; limits::ID_BYTES],
    keys: [Key::NONE; limits::KEYS],
    request: [0; limits::REQUEST_BYTES],
    output: [0; limits::OUTPUT_BYTES],
    rooms: Rooms::new(),
});

/// What of it serving takes.
struct Lent {
    buffers: Buffers<'static>,
    rooms: &'static mut Rooms,
    guest: &'static mut MaybeUninit<Linux>,
    agent: &'static mut MaybeUninit<Agent<'static, Linux>>,
}

impl Lent {
    /// Makes what serves. It stays until the end of the process, which lets go of all that it holds.
    #[inline(never)] // what it is made of does not stay on the stack
    fn make(self, log: Log, options: &Options) -> (&'static mut Linux, &'static mut Agent<'static, Linux>) {
        let guest = self.guest.write(Linux::new(log, options, self.rooms));
        (guest, self.agent.write(Agent::new(&TABLE, self.buffers)))
    }
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
    let options = memory.options.write(Options::DEFAULT);
    let action = options::read(&words, &mut memory.request, &mut kept, options);
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
            let lent = Lent { buffers, rooms: &mut memory.rooms, guest: &mut memory.guest, agent: &mut memory.agent };
            return run(options, log, lent);
        }
        // It is above.
        Ok(Action::Run) => Ok(()),
        Ok(Action::Dump(config)) => dump(options, config, &words, &mut memory.request),
        #[cfg(feature = "check")]
        Ok(Action::Check { as_json }) => {
            return check(options, log, as_json, &mut memory.request, kept.into_free(), &mut memory.rooms);
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
            print_commands();
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

#[inline(never)] // as for `dump`
fn print_commands() {
    let mut printer = Printer::new();
    for row in TABLE.rows() {
        printer.put(row.name.as_bytes());
        printer.put(b"\n");
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
    let (guest, agent) = lent.make(log, options);
    let served = serve(options, activated, starting, agent, guest);
    #[cfg(any(feature = "daemon", feature = "log"))]
    guest.own_files.remove();
    status(&guest.log, served)
}

fn serve(
    options: &Options,
    activated: Option<Channel>,
    starting: Option<Starting>,
    agent: &mut Agent<'static, Linux>,
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
    let served = match &mut Runner::new(channel, agent, guest, signals) {
        Ok(runner) => converse(runner, starting).map_err(opening),
        &mut Err(errno) => Err(error!["this kernel cannot wait for events (epoll): ", errno]),
    };
    #[cfg(feature = "freeze")]
    guest.thaw_by_itself("it stops");
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
