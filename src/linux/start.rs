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
use crate::json::write::Writer;
use crate::limits::{NESTING, TOKEN_TEXT_BYTES, linux as limits};
use crate::request::{Key, Storage};
use crate::sys::signal;
use crate::sys::start::{self, Arguments, Once};

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
    let mut guest = Linux::new(Log::new(None, options.verbose), &options);
    let failed = serve(&options, &mut guest);
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
    guest.open_own_files()?;
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
    #[cfg(feature = "freeze")]
    guest.thaw_by_itself("it stops");
    guest.own_files.remove();
    served
}
