//! From the command line to the loop.

use super::Linux;
use super::channel::Channel;
use super::log::{Level, Log};
use super::options::{self, Action, HELP, Options};
use super::run::Runner;
use super::table::TABLE;
use crate::agent::{Agent, Buffers};
use crate::command::info::{IMPLEMENTATION, SCHEMA_VERSION};
use crate::error;
use crate::error::Error;
use crate::json::write::{Writer, decimal};
use crate::limits::{NESTING, TOKEN_TEXT_BYTES, linux as limits};
use crate::request::{Key, Storage};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::start::{self, Arguments, Once};
use crate::sys::{process, signal};

/// The buffers of the agent, in the binary's zero-initialised data.
struct Memory {
    input: [u8; limits::INPUT_BYTES],
    output: [u8; limits::OUTPUT_BYTES],
    request: [u8; limits::REQUEST_BYTES],
    id: [u8; limits::ID_BYTES],
    token: [u8; TOKEN_TEXT_BYTES],
    keys: [Key; limits::KEYS],
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
});

/// The agent as a process; answers its exit status.
pub fn main(mut arguments: Arguments) -> i32 {
    start::fill_standard_descriptors();
    let name = arguments.next().unwrap_or(c"picoqga");
    let options = match options::parse(arguments) {
        Ok(Action::Run(options)) => options,
        Ok(Action::Version) => {
            for text in ["QEMU Guest Agent ", SCHEMA_VERSION, " (", IMPLEMENTATION, ")\n"] {
                start::write_to_standard_output(text.as_bytes());
            }
            return 0;
        }
        Ok(Action::Help) => {
            for text in [b"Usage: ", name.to_bytes(), b" [-m METHOD] [-p PATH] [OPTIONS]\n", HELP.as_bytes()] {
                start::write_to_standard_output(text);
            }
            return 0;
        }
        Err(error) => {
            let mut buffer = [0; 512];
            let mut writer = Writer::new(&mut buffer, 0);
            error.parts.iter().for_each(|part| part.pieces(&mut |piece| writer.raw(piece)));
            let length = writer.len();
            for text in [
                name.to_bytes(),
                b": ",
                buffer.get(..length).unwrap_or_default(),
                b"\nTry '",
                name.to_bytes(),
                b" --help'.\n",
            ] {
                start::write_to_standard_error(text);
            }
            return 1;
        }
    };
    let log_file = options.log_file.map(|path| {
        let flags = OpenFlags::WRITE.with(OpenFlags::CREATE).with(OpenFlags::APPEND);
        Fd::open(path, flags).map_err(|errno| error!["unable to open log file '", path.to_bytes(), "': ", errno])
    });
    let (log, log_error) = match log_file {
        None => (Log::new(None, options.verbose), None),
        Some(Ok(file)) => (Log::new(Some(file), options.verbose), None),
        Some(Err(error)) => (Log::new(None, options.verbose), Some(error)),
    };
    let mut guest = Linux::new(log, options.shutdown_timeout_s);
    let failed = match log_error {
        Some(error) => Err(error),
        None => serve(&options, &mut guest),
    };
    match failed {
        Ok(()) => 0,
        Err(error) => {
            guest.log.error(Level::Critical, &error);
            1
        }
    }
}

fn serve(options: &Options, guest: &mut Linux) -> Result<(), Error<'static>> {
    let signals = signal::install().map_err(|errno| error!["cannot handle signals: ", errno])?;
    let pid_file = options.pid_file.map(PidFile::write).transpose()?;
    let channel = Channel::new(options)?;
    let memory = MEMORY.take().ok_or(error!["the buffers are in use"])?;
    let buffers = Buffers {
        input: &mut memory.input,
        output: &mut memory.output,
        request: Storage {
            request: &mut memory.request,
            scratch_bytes: limits::SCRATCH_BYTES,
            id: &mut memory.id,
            token: &mut memory.token,
            keys: &mut memory.keys,
            nesting: &mut memory.nesting,
        },
    };
    let name = channel.name();
    let served = match Runner::new(channel, Agent::new(&TABLE, buffers), guest, signals) {
        Ok(mut runner) => runner.run().map_err(|errno| error!["error opening channel '", name, "': ", errno]),
        Err(errno) => Err(error!["this kernel cannot wait for events (epoll): ", errno]),
    };
    drop(pid_file);
    served
}

/// A file with the number of this process, which goes with it.
struct PidFile {
    path: &'static core::ffi::CStr,
    /// Holds the lock.
    _file: Fd,
}

impl PidFile {
    fn write(path: &'static core::ffi::CStr) -> Result<Self, Error<'static>> {
        let failed = |errno| error!["cannot write pid file '", path.to_bytes(), "': ", errno];
        let file = Fd::open(path, OpenFlags::WRITE.with(OpenFlags::CREATE)).map_err(failed)?;
        // Another agent that holds it must keep its number, so nothing is cut before the lock.
        file.lock().map_err(|errno| error!["cannot lock pid file '", path.to_bytes(), "': ", errno])?;
        file.truncate(0).map_err(failed)?;
        let mut digits = [0; 20];
        let id = decimal(u64::try_from(process::id()).unwrap_or(0), &mut digits);
        file.write(id).and_then(|_| file.write(b"\n")).map_err(failed)?;
        Ok(PidFile { path, _file: file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A file that is gone already is no loss.
        let _: Result<(), crate::errno::Errno> = crate::sys::fd::unlink(self.path);
    }
}
