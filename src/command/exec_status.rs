//! `guest-exec-status`: tells how a program of guest-exec is.
//!
//! Schema 10.0, since 2.5.
//! Arguments: `pid`, as guest-exec returned it.
//! Returns: `exited`. When it is true, also `exitcode`, 0 to 255, or `signal`, the number of the one that killed it; and of
//! each stream that was kept `out-data` or `err-data` in base64, if there was any, and `out-truncated` or `err-truncated`,
//! true, if there was more. A program has exited when its process has ended and nobody holds its streams.
//! Errors: a number that is unknown. An end is told once; then its program is unknown.
//! Differs from qemu-ga in the text of that error (differences.md: exec-pid-unknown), in that `out-truncated` is true
//! (differences.md: exec-truncated), and in how much is kept of all programs (differences.md: exec-output-length).
//! Needs [`Exec`]; does not run while frozen. What was kept is read in pieces through the scratch room and written as they
//! come. A program is forgotten when all of its reply but the end was sent; not, if the host goes before that.

use super::{Context, Cursor, Done, Handler, Reply, Step};
use crate::base64;
use crate::error::Error;
use crate::guest::{Ended, Exec, Finished, Kept, Status, Stream};
use crate::json::write::Writer;
use crate::limits::least;
use crate::{arguments, error};

arguments! {
    /// `guest-exec-status`.
    pub struct StatusArguments {
        /// The number of the program.
        "pid" => pid: i64,
    }
}

/// `guest-exec-status`.
#[derive(Debug)]
pub struct ExecStatus;

/// The streams, in the order in which they are told: what is told of them, and that there was more.
const STREAMS: [(Stream, &[u8], &[u8]); 2] = [
    (Stream::Output, b", \"out-data\": \"", b", \"out-truncated\": true"),
    (Stream::Error, b", \"err-data\": \"", b", \"err-truncated\": true"),
];

/// How much is read at a time, in bytes: larger pieces only touch more memory.
const PIECE_BYTES: usize = 12 * 1024;

/// What is around the data of a stream takes less than this.
const AROUND_BYTES: usize = 64;
const _: () = assert!(AROUND_BYTES < least::OUTPUT_BYTES / 4);

/// Where a reply stands.
#[derive(Clone, Copy, Debug)]
struct Report {
    pid: i64,
    /// How many of the streams are told.
    streams: usize,
    /// How much of the next one is, in bytes.
    offset: u64,
    /// Nothing but its end is left of the reply.
    is_sent: bool,
}

impl Report {
    fn pack(self) -> Cursor {
        let number = |value: Result<i64, _>| value.unwrap_or(i64::MAX);
        let streams = number(i64::try_from(self.streams));
        Cursor([self.pid, streams, number(i64::try_from(self.offset)), i64::from(self.is_sent), 0, 0])
    }

    fn unpack(Cursor([pid, streams, offset, is_sent, ..]): Cursor) -> Self {
        let streams = usize::try_from(streams).unwrap_or(usize::MAX);
        Report { pid, streams, offset: u64::try_from(offset).unwrap_or(u64::MAX), is_sent: is_sent != 0 }
    }

    /// Writes as much of the next stream as there is room for. `None` if it can not be read.
    fn write<G: Exec>(
        &mut self,
        &(stream, begin, more): &(Stream, &[u8], &[u8]),
        kept: Kept,
        guest: &mut G,
        scratch: &mut [u8],
        writer: &mut Writer<'_>,
    ) -> Option<()> {
        let left = kept.length.saturating_sub(self.offset);
        if left > 0 {
            if self.offset == 0 {
                writer.raw(begin);
            }
            // Whole groups of base64, but for the last.
            let groups = (writer.free().saturating_sub(AROUND_BYTES) / 4).min(scratch.len() / 3).min(PIECE_BYTES / 3);
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(groups.wrapping_mul(3));
            let piece = scratch.get_mut(..length)?;
            if guest.read_kept(self.pid, stream, self.offset, piece) != Ok(length) {
                return None;
            }
            let (_, written) = base64::encode(piece, true, writer.room());
            writer.advance(written);
            let length = u64::try_from(length).unwrap_or(0);
            self.offset = self.offset.wrapping_add(length);
            if length < left {
                return Some(());
            }
            writer.raw(b"\"");
        }
        if kept.truncated {
            writer.raw(more);
        }
        self.streams = self.streams.wrapping_add(1);
        self.offset = 0;
        Some(())
    }
}

impl<G: Exec + 'static> Handler<G> for ExecStatus {
    const NAME: &'static str = "guest-exec-status";
    type Arguments<'a> = StatusArguments;

    fn run<'a>(
        StatusArguments { pid }: StatusArguments,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let Finished { ended, .. } = match context.guest.status(pid) {
            None => return Err(error!["PID ", pid, " does not exist"]),
            Some(Status::Running) => return Ok(reply.object(|object| object.member("exited").boolean(false))),
            Some(Status::Finished(finished)) => finished,
        };
        context.guest.begin_report(pid);
        Ok(reply.steps(|writer| {
            let (how, number) = match ended {
                Ended::Exited(status) => (&b"{\"exited\": true, \"exitcode\": "[..], status),
                Ended::Killed(signal) => (&b"{\"exited\": true, \"signal\": "[..], signal),
            };
            writer.raw(how);
            writer.integer(number.into());
            Report { pid, streams: 0, offset: 0, is_sent: false }.pack()
        }))
    }

    /// Writes one more piece of a stream, or ends the reply, once all before the end was sent.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let Context { guest, scratch, .. } = context;
        let mut report = Report::unpack(*cursor);
        if report.is_sent {
            writer.raw(b"}");
            guest.end_report(report.pid, true);
            return Step::Done;
        }
        let Some(Status::Finished(Finished { output, error, .. })) = guest.status(report.pid) else {
            return Step::Broken;
        };
        let kept = if report.streams == 0 { output } else { error };
        let step = match STREAMS.get(report.streams) {
            None => {
                report.is_sent = true;
                Step::Flush
            }
            Some(stream) => match report.write(stream, kept, guest, scratch, writer) {
                Some(()) => Step::More,
                None => {
                    // It would fail again and again.
                    guest.end_report(report.pid, true);
                    return Step::Broken;
                }
            },
        };
        *cursor = report.pack();
        step
    }

    fn abandon(cursor: &Cursor, guest: &mut G) {
        guest.end_report(Report::unpack(*cursor).pid, false);
    }
}
