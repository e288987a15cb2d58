//! `guest-file-open`: opens a file.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `path`; `mode`, as fopen(3) has it: `r` (the default), `w`, `a`, each with `b` and `+` in any order.
//! Returns: the handle, a number that is never used again.
//! Errors: a mode that is none; `failed to open file` with the reason; too many open files, with their number.
//! Differs from qemu-ga in the permissions of a new file, which follow the umask (differences.md: file-umask), in the
//! numbers of handles (file-handle-numbers), and in refusing a path with U+0000 (path-nul).
//! Needs [`Files`]; does not run while frozen; the path is put into the scratch room.

use crate::args::{NoCString, Text};
use crate::command::{Context, Done, Handler, Reply};
use crate::errno::Errno;
use crate::error::Error;
use crate::guest::{FileError, Files, OpenMode};
use crate::{arguments, error};

arguments! {
    /// `guest-file-open`.
    pub struct OpenArguments<'a> {
        /// The path; a relative one counts from the agent's working directory.
        "path" => path: Text<'a>,
        /// The mode.
        "mode" => mode: Option<Text<'a>>,
    }
}

/// `guest-file-open`.
#[derive(Debug)]
pub struct FileOpen;

/// The longest path that Linux takes, with its NUL (PATH_MAX).
const PATH_BYTES: usize = 4096;

impl<G: Files + 'static> Handler<G> for FileOpen {
    const NAME: &'static str = "guest-file-open";
    type Arguments<'a> = OpenArguments<'a>;

    fn run<'a>(
        OpenArguments { path, mode }: OpenArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let mode = mode.unwrap_or(Text::from_escaped(b"r"));
        let Some(open_mode) = parse(mode) else {
            return Err(error!["invalid file open mode '", mode, "'"]);
        };
        let room = context.scratch.len().min(PATH_BYTES);
        let opened = match path.c_string(context.scratch.get_mut(..room).unwrap_or_default()) {
            Ok(path) => context.guest.open(path, open_mode),
            Err(NoCString::Nul) => Err(FileError::System(Errno::EINVAL)),
            Err(NoCString::TooLong) => Err(FileError::System(Errno::ENAMETOOLONG)),
        };
        let errno = match opened {
            Ok(handle) => return Ok(reply.integer(handle)),
            Err(FileError::System(errno)) => errno,
            Err(FileError::UnknownHandle) => Errno::EBADF,
            Err(FileError::TooManyFiles(limit)) => {
                return Err(error![
                    "failed to open file '",
                    path,
                    "' (mode: '",
                    mode,
                    "'): ",
                    Errno::EMFILE,
                    ", at most ",
                    limit
                ]);
            }
        };
        Err(error!["failed to open file '", path, "' (mode: '", mode, "'): ", errno])
    }
}

/// Reads a mode of fopen(3), in the spellings of the schema: five for each of three letters.
fn parse(mode: Text<'_>) -> Option<OpenMode> {
    let place = mode.position(b"r rb r+ rb+ r+b w wb w+ wb+ w+b a ab a+ ab+ a+b")?;
    let (letter, updates) = (place / 5, place % 5 > 1);
    Some(OpenMode {
        read: letter == 0 || updates,
        write: letter > 0 || updates,
        create: letter > 0,
        truncate: letter == 1,
        append: letter == 2,
    })
}
