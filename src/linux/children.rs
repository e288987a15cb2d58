//! The programs that guest-exec started: what they write is kept in files in memory, and how they end is noted.
//!
//! Everything is bounded: the programs that are known, what is kept of a stream, and what is kept of all of them. Where room
//! is needed it is taken from those that ended and were not asked for, the oldest first.

use crate::errno::Errno;
use crate::guest::{Capture, Ended, Finished, Kept, StartError, Status};
use crate::limits::linux::{CHILD_STREAM_BYTES, CHILD_STREAM_LEAST_BYTES, CHILDREN, CHILDREN_BYTES};
use crate::sys::epoll::{EVENTS, Epoll, Interest};
use crate::sys::fd::{self, Fd};
use crate::sys::{memory, spawn};

/// How much is read of a pipe before others have their turn: what a pipe holds.
const READS: usize = 16;
const READ_BYTES: usize = 4096;

/// A stream of a program. Nothing is kept of the default.
#[derive(Debug, Default)]
pub struct Captured {
    /// What it is to write to, until it was started.
    pub writer: Option<Fd>,
    /// Where it comes from, as long as somebody may write to it.
    pipe: Option<Fd>,
    /// Where it is kept.
    file: Option<Fd>,
    kept: Kept,
}

/// A program.
#[derive(Debug)]
struct Child {
    /// Counts the programs: unlike the number of its process, it is never used again.
    serial: u64,
    pid: i32,
    /// How its process ended, once it has.
    ended: Option<Ended>,
    /// Standard output and error.
    streams: [Captured; 2],
    input_bytes: u64,
    /// Its end is being reported.
    is_reported: bool,
}

impl Child {
    /// How it ended, once its streams have ended too.
    fn finished(&self) -> Option<Finished> {
        let [output, error] = &self.streams;
        match (self.ended, &output.pipe, &error.pipe) {
            (Some(ended), None, None) => Some(Finished { ended, output: output.kept, error: error.kept }),
            _ => None,
        }
    }

    fn kept_bytes(&self) -> u64 {
        let [output, error] = &self.streams;
        output.kept.length.saturating_add(error.kept.length)
    }
}

/// The programs.
#[derive(Debug)]
pub struct Children {
    slots: [Option<Child>; CHILDREN],
    /// The pipes of all of them, each under the serial number of its program, doubled, plus the place of its stream.
    pipes: Option<Epoll>,
    next_serial: u64,
    /// What is kept of all of them, and what all that run were given to read, may each come to that much.
    limit_bytes: u64,
}

impl Children {
    /// No programs.
    pub fn new() -> Self {
        Children {
            slots: [const { None }; CHILDREN],
            pipes: Epoll::new().ok(),
            // A free slot is older than all of them.
            next_serial: 1,
            limit_bytes: CHILDREN_BYTES.min(memory::total_bytes() / 8),
        }
    }

    /// Can be read while there is something for [`Children::take_output`].
    pub fn events(&self) -> Option<&Fd> {
        self.pipes.as_ref().map(Epoll::fd)
    }

    fn each(&self) -> impl Iterator<Item = &Child> {
        self.slots.iter().flatten()
    }

    /// The program that got the number last.
    fn find(&mut self, pid: i64) -> Option<&mut Child> {
        self.slots.iter_mut().flatten().filter(|child| i64::from(child.pid) == pid).max_by_key(|child| child.serial)
    }

    /// The slot for a new program: a free one, or that of the program that ended and is the oldest.
    fn slot(&mut self) -> Option<&mut Option<Child>> {
        let age = |slot: &Option<Child>| slot.as_ref().map_or(0, |child| child.serial);
        let is_usable =
            |slot: &Option<Child>| slot.as_ref().is_none_or(|child| child.finished().is_some() && !child.is_reported);
        self.slots.iter_mut().filter(|slot| is_usable(slot)).min_by_key(|slot| age(slot))
    }

    /// Whether a program can be started that is given so much to read.
    ///
    /// # Errors
    /// `TooMany`, `TooMuchInput`.
    pub fn check_room(&mut self, input_bytes: u64) -> Result<(), StartError> {
        if self.slot().is_none() {
            return Err(StartError::TooMany(u64::try_from(CHILDREN).unwrap_or(u64::MAX)));
        }
        let held = self.each().filter(|child| child.ended.is_none()).map(|child| child.input_bytes);
        let sum = held.fold(input_bytes, u64::saturating_add);
        if sum > self.limit_bytes { Err(StartError::TooMuchInput(self.limit_bytes)) } else { Ok(()) }
    }

    /// Standard output and error of the program that is added next.
    ///
    /// # Errors
    /// Those of pipe2(2), memfd_create(2) and epoll_ctl(2).
    pub fn streams(&self, capture: Capture) -> Result<[Captured; 2], Errno> {
        let are_kept = match capture {
            Capture::Nothing => [false, false],
            Capture::Output | Capture::Merged => [true, false],
            Capture::Error => [false, true],
            Capture::Separated => [true, true],
        };
        let mut streams = <[Captured; 2]>::default();
        for ((stream, is_kept), place) in streams.iter_mut().zip(are_kept).zip(0..) {
            if is_kept {
                let (pipe, writer) = fd::pipe()?;
                pipe.set_non_blocking()?;
                let token = self.next_serial.saturating_mul(2).saturating_add(place);
                let interest = Interest { read: true, ..Interest::default() };
                self.pipes.as_ref().ok_or(Errno::ENOSYS)?.add(&pipe, token, interest)?;
                stream.file = Some(memory::file()?);
                stream.pipe = Some(pipe);
                stream.writer = Some(writer);
            }
        }
        Ok(streams)
    }

    /// Adds a program that was just started. There is room, as [`Children::check_room`] has found.
    pub fn add(&mut self, pid: i32, mut streams: [Captured; 2], input_bytes: u64) {
        // It has its own, and a stream only ends when nobody else has one.
        streams.iter_mut().for_each(|stream| stream.writer = None);
        let serial = self.next_serial;
        self.next_serial = serial.saturating_add(1);
        if let Some(slot) = self.slot() {
            *slot = Some(Child { serial, pid, ended: None, streams, input_bytes, is_reported: false });
        }
    }

    /// How a program is.
    pub fn status(&mut self, pid: i64) -> Option<Status> {
        self.find(pid).map(|child| child.finished().map_or(Status::Running, Status::Finished))
    }

    /// The report of its end begins.
    pub fn begin_report(&mut self, pid: i64) {
        if let Some(child) = self.find(pid) {
            child.is_reported = true;
        }
    }

    /// The report of its end is over; it is forgotten if it was `delivered`.
    pub fn end_report(&mut self, pid: i64, delivered: bool) {
        let Some(child) = self.find(pid) else { return };
        child.is_reported = false;
        let serial = child.serial;
        if delivered {
            let is_it = |slot: &&mut Option<Child>| slot.as_ref().is_some_and(|child| child.serial == serial);
            self.slots.iter_mut().find(is_it).map(Option::take);
        }
    }

    /// Reads what was kept of a stream.
    ///
    /// # Errors
    /// Those of pread(2); `EBADF` if nothing was kept of it.
    pub fn read(&mut self, pid: i64, stream: usize, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let captured = self.find(pid).and_then(|child| child.streams.get(stream));
        captured.and_then(|captured| captured.file.as_ref()).ok_or(Errno::EBADF)?.read_at(buffer, offset)
    }

    /// Takes what the programs wrote, as far as it is there: 64 KiB each, of eight streams. What there is no room for is read
    /// and dropped, so that nobody waits for it to be read.
    pub fn take_output(&mut self) {
        let Some(pipes) = &self.pipes else { return };
        let mut ready = [None; EVENTS];
        let mut next = ready.iter_mut();
        let polled = pipes.poll(|event| {
            if let Some(slot) = next.next() {
                *slot = Some(event.token);
            }
        });
        if polled.is_ok() {
            ready.into_iter().flatten().for_each(|token| self.take_from(token / 2, usize::from(token % 2 != 0)));
        }
    }

    fn take_from(&mut self, serial: u64, stream: usize) {
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS {
            let Some(captured) = self.captured(serial, stream) else { return };
            let Some(pipe) = &captured.pipe else { return };
            match pipe.read(&mut buffer) {
                Err(Errno::EAGAIN | Errno::EINTR) => return,
                Ok(0) | Err(_) => {
                    captured.pipe = None;
                    return;
                }
                Ok(count) => self.keep(serial, stream, buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    fn captured(&mut self, serial: u64, stream: usize) -> Option<&mut Captured> {
        let mut children = self.slots.iter_mut().flatten();
        children.find(|child| child.serial == serial)?.streams.get_mut(stream)
    }

    /// Keeps what a program wrote, as far as there is room. Once something was dropped, so is all that follows.
    fn keep(&mut self, serial: u64, stream: usize, bytes: &[u8]) {
        let Some(Captured { kept, .. }) = self.captured(serial, stream) else { return };
        if kept.truncated {
            return;
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let wanted = length.min(CHILD_STREAM_BYTES.saturating_sub(kept.length));
        let least = CHILD_STREAM_LEAST_BYTES.saturating_sub(kept.length);
        while self.free_bytes() < wanted && self.drop_oldest() {}
        let fits = usize::try_from(wanted.min(self.free_bytes().max(least))).unwrap_or(usize::MAX);
        let mut rest = bytes.get(..fits).unwrap_or(bytes);
        let Some(Captured { kept, file: Some(file), .. }) = self.captured(serial, stream) else { return };
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(count) => {
                    kept.length = kept.length.saturating_add(u64::try_from(count).unwrap_or(0));
                    rest = rest.get(count..).unwrap_or_default();
                }
                // There is no memory for it.
                Err(_) => break,
            }
        }
        kept.truncated = fits < bytes.len() || !rest.is_empty();
    }

    fn free_bytes(&self) -> u64 {
        let kept = self.each().map(Child::kept_bytes).fold(0, u64::saturating_add);
        self.limit_bytes.saturating_sub(kept)
    }

    /// Drops what was kept of the oldest program that has ended; how it ended stays known. False if there is none.
    fn drop_oldest(&mut self) -> bool {
        let children = self.slots.iter_mut().flatten();
        let droppable = |child: &&mut Child| child.finished().is_some() && !child.is_reported && child.kept_bytes() > 0;
        let Some(child) = children.filter(droppable).min_by_key(|child| child.serial) else { return false };
        for Captured { file, kept, .. } in &mut child.streams {
            *file = None;
            *kept = Kept { length: 0, truncated: kept.truncated || kept.length > 0 };
        }
        true
    }

    /// Takes the ends of all processes that have ended: of these programs, and of others that were left to the agent, as they
    /// are to the first process of a system.
    pub fn reap(&mut self) {
        while let Some((pid, ended)) = spawn::take_ended() {
            let mut children = self.slots.iter_mut().flatten();
            // The number of a process is its own until here.
            if let Some(child) = children.find(|child| child.pid == pid && child.ended.is_none()) {
                child.ended = Some(match ended {
                    spawn::Ended::Exited(status) => Ended::Exited(status),
                    spawn::Ended::Killed(signal) => Ended::Killed(signal),
                });
            }
        }
    }
}

impl Default for Children {
    fn default() -> Self {
        Self::new()
    }
}
