//! `guest-file-read`: reads from a file.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `handle`; `count`, how many bytes at the most, 0 to 48 MiB, 4096 by default.
//! Returns: `buf-b64`, what was read; `count`, its length in bytes; `eof`, whether the end of the file was met. A short
//! read is one that met the end, an error (told by the next read), or the end of what a FIFO or device holds now.
//! Errors: an unknown handle; a count out of range; `failed to read file` with the reason, if nothing was read.
//! Differs from qemu-ga in that what was read before an error is not lost (differences.md: read-loses-nothing).
//! Needs [`Files`]; does not run while frozen; read in pieces through the scratch room and written as they come, so a
//! read of any length needs no more memory than a short one.

use super::{bad_count, failed};
use crate::arguments;
use crate::base64;
use crate::bytes::put;
use crate::command::{Context, Cursor, Done, Handler, Reply, Step};
use crate::errno::Errno;
use crate::error::Error;
use crate::guest::{FileError, Files};
use crate::json::write::Writer;
use crate::limits::FILE_READ_BYTES;

arguments! {
    /// `guest-file-read`.
    pub struct ReadArguments {
        /// The handle.
        "handle" => handle: i64,
        /// How many bytes.
        "count" => count: Option<i64>,
    }
}

/// How many bytes are read if the client does not say.
const DEFAULT_COUNT: i64 = 4096;

/// What the end of the reply takes: two members with a number and a word.
const END_BYTES: usize = 64;

/// `guest-file-read`.
#[derive(Debug)]
pub struct FileRead;

/// Where a read stands.
#[derive(Clone, Copy, Debug)]
struct Reading {
    handle: i64,
    /// Bytes still wanted.
    left: i64,
    /// Bytes that were read.
    count: i64,
    /// The file has no more, for one reason or other.
    ended: bool,
    eof: bool,
    /// One or two bytes that were read, but do not fill a group of base64 yet, and how many.
    carry: [u8; 2],
    carried: u8,
}

impl Reading {
    fn pack(self) -> Cursor {
        let Reading { handle, left, count, ended, eof, carry: [first, second], carried } = self;
        let bytes = i64::from_le_bytes([first, second, carried, u8::from(ended), u8::from(eof), 0, 0, 0]);
        Cursor([handle, left, count, bytes, 0, 0])
    }

    fn unpack(Cursor([handle, left, count, bytes, ..]): Cursor) -> Self {
        let [first, second, carried, ended, eof, ..] = bytes.to_le_bytes();
        Reading { handle, left, count, ended: ended != 0, eof: eof != 0, carry: [first, second], carried }
    }

    /// Reads a piece behind the bytes carried, as long as fits into `text_room` as base64. Answers all bytes at hand.
    fn read<'s, G: Files>(
        &mut self,
        guest: &mut G,
        scratch: &'s mut [u8],
        text_room: usize,
    ) -> Result<&'s [u8], FileError> {
        let carried = usize::from(self.carried);
        put(scratch, 0, self.carry.get(..carried).unwrap_or_default());
        let fits = (text_room / 4).wrapping_mul(3);
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).wrapping_add(carried);
        let end = wanted.min(fits).min(scratch.len());
        let room = scratch.get_mut(carried..end).unwrap_or_default();
        let mut length = carried;
        if !room.is_empty() {
            let got = guest.read(self.handle, room)?;
            self.ended = got == 0;
            self.eof = got == 0;
            length = length.wrapping_add(got);
            let got = i64::try_from(got).unwrap_or(0);
            self.count = self.count.wrapping_add(got);
            self.left = self.left.saturating_sub(got);
        }
        self.ended |= self.left == 0;
        Ok(scratch.get(..length).unwrap_or_default())
    }

    /// Writes `bytes` as base64, and carries what fills no group unless the file has no more.
    fn write(&mut self, bytes: &[u8], writer: &mut Writer<'_>) {
        let (used, written) = base64::encode(bytes, self.ended, writer.room());
        writer.advance(written);
        let rest = bytes.get(used..).unwrap_or_default();
        self.carried = u8::try_from(rest.len()).unwrap_or(0);
        for (to, from) in self.carry.iter_mut().zip(rest) {
            *to = *from;
        }
    }
}

impl<G: Files + 'static> Handler<G> for FileRead {
    const NAME: &'static str = "guest-file-read";
    type Arguments<'a> = ReadArguments;

    /// Reads the first piece, so that an error is told as one.
    fn run<'a>(
        ReadArguments { handle, count }: ReadArguments,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let count = count.unwrap_or(DEFAULT_COUNT);
        if !context.guest.is_open(handle) {
            return Err(super::unknown(handle));
        }
        if !(0..=FILE_READ_BYTES).contains(&count) {
            return Err(bad_count(count));
        }
        let mut reading =
            Reading { handle, left: count, count: 0, ended: false, eof: false, carry: [0; 2], carried: 0 };
        let room = reply.free().saturating_sub(END_BYTES);
        let bytes = match reading.read(context.guest, context.scratch, room) {
            Ok(bytes) => bytes,
            Err(error) => return Err(failed(handle, "failed to read file", error)),
        };
        Ok(reply.steps(|writer| {
            writer.raw(b"{\"buf-b64\": \"");
            reading.write(bytes, writer);
            reading.pack()
        }))
    }

    /// Reads and writes one more piece, or ends the reply.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let mut reading = Reading::unpack(*cursor);
        if !reading.ended {
            let room = writer.free().saturating_sub(END_BYTES);
            match reading.read(context.guest, context.scratch, room) {
                Ok(bytes) => reading.write(bytes, writer),
                Err(error) => {
                    // What would block is no error here: there is no more for now.
                    if let FileError::System(errno) = error
                        && errno != Errno::EAGAIN
                    {
                        context.guest.defer_error(reading.handle, errno);
                    }
                    reading.ended = true;
                    let carry = reading.carry;
                    let carried = usize::from(core::mem::take(&mut reading.carried));
                    reading.write(carry.get(..carried).unwrap_or_default(), writer);
                }
            }
            *cursor = reading.pack();
            return Step::More;
        }
        writer.raw(b"\", \"count\": ");
        writer.integer(reading.count);
        writer.raw(b", \"eof\": ");
        writer.boolean(reading.eof);
        writer.raw(b"}");
        Step::Done
    }
}
