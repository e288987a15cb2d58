//! The programs that guest-exec started: what they write is kept in files in memory, and how they end is noted.
//!
//! Everything is bounded: the programs that are known, what is kept of a stream, and what is kept of all of them. Where room
//! is needed it is taken from those that ended and were not asked for, the oldest first.

use heapless::Vec;

use crate::errno::Errno;
use crate::guest::{Capture, Ended, Finished, Kept, StartError, Status};
use crate::limits::linux::{CHILD_STREAM_BYTES, CHILD_STREAM_LEAST_BYTES, CHILDREN, CHILDREN_BYTES};
use crate::sys::epoll::{Epoll, Events, Interest};
use crate::sys::fd::{self, Fd};
use crate::sys::{memory, spawn};

/// How much is read of a pipe before others have their turn: what a pipe holds.
const READS: usize = 16;
const READ_BYTES: usize = 4096;

/// A stream of a program. Nothing is kept of the default.
#[derive(Debug, Default)]
struct Captured {
    /// What it is to write to, until it was started.
    writer: Option<Fd>,
    /// Where it comes from, as long as somebody may write to it.
    pipe: Option<Fd>,
    /// Where it is kept.
    file: Option<Fd>,
    kept: Kept,
}

/// A program.
#[derive(Debug, Default)]
pub struct Child {
    /// Counts the programs: unlike the number of its process, it is never used again.
    serial: u64,
    /// The number of its process, once it was started.
    pub pid: i32,
    /// How its process ended, once it has.
    ended: Option<Ended>,
    /// Standard output and error.
    streams: [Captured; 2],
    input_bytes: u64,
    /// Its end is being reported.
    is_reported: bool,
}

impl Child {
    /// What its standard output and error are to be, where they are kept.
    pub fn writers(&self) -> [Option<&Fd>; 2] {
        let [output, error] = &self.streams;
        [output.writer.as_ref(), error.writer.as_ref()]
    }

    /// How it ended, once its streams have ended too.
    fn finished(&self) -> Option<Finished> {
        let [output, error] = &self.streams;
        match (self.ended, &output.pipe, &error.pipe) {
            (Some(ended), None, None) => Some(Finished { ended, output: output.kept, error: error.kept }),
            _ => None,
        }
    }

    /// It can be given up for another one.
    fn is_over(&self) -> bool {
        self.finished().is_some() && !self.is_reported
    }

    fn kept_bytes(&self) -> u64 {
        let [output, error] = &self.streams;
        output.kept.length.wrapping_add(error.kept.length)
    }
}

/// Room for the programs that are known.
pub type Room = Vec<Child, CHILDREN>;

/// The programs.
#[derive(Debug)]
pub struct Children {
    noted: &'static mut Room,
    /// The pipes of all of them, each under the serial number of its program, doubled, plus the place of its stream.
    pipes: Option<Epoll>,
    next_serial: u64,
    /// What is kept of all of them, and what all that run were given to read, may each come to that much.
    limit_bytes: u64,
}

impl Children {
    /// No programs.
    pub fn new(room: &'static mut Room) -> Self {
        Children {
            noted: room,
            pipes: Epoll::new().ok(),
            next_serial: 1,
            limit_bytes: CHILDREN_BYTES.min(memory::total_bytes() / 8),
        }
    }

    /// Can be read while there is something for [`Children::take_output`].
    pub fn events(&self) -> Option<&Fd> {
        self.pipes.as_ref().map(Epoll::fd)
    }

    /// The program that got the number last.
    fn find(&mut self, pid: i64) -> Option<&mut Child> {
        let mut found: Option<&mut Child> = None;
        for child in self.noted.iter_mut() {
            if i64::from(child.pid) == pid && found.as_ref().is_none_or(|found| found.serial < child.serial) {
                found = Some(child);
            }
        }
        found
    }

    /// The oldest program that is over, and of which at least so much is kept.
    fn oldest(&mut self, least_bytes: u64) -> Option<&mut Child> {
        let mut found: Option<&mut Child> = None;
        for child in self.noted.iter_mut() {
            if child.is_over()
                && child.kept_bytes() >= least_bytes
                && found.as_ref().is_none_or(|found| child.serial < found.serial)
            {
                found = Some(child);
            }
        }
        found
    }

    /// The sum of what is told of each program.
    fn sum(&self, bytes: fn(&Child) -> u64) -> u64 {
        let mut sum = 0_u64;
        for child in self.noted.iter() {
            sum = sum.wrapping_add(bytes(child));
        }
        sum
    }

    /// Whether a program can be started that is given so much to read.
    ///
    /// # Errors
    /// `TooMany`, `TooMuchInput`.
    pub fn check_room(&mut self, input_bytes: u64) -> Result<(), StartError> {
        if self.noted.is_full() && self.oldest(0).is_none() {
            return Err(StartError::TooMany(u64::try_from(CHILDREN).unwrap_or(u64::MAX)));
        }
        let held = self.sum(|child| if child.ended.is_none() { child.input_bytes } else { 0 });
        let fits = held.wrapping_add(input_bytes) <= self.limit_bytes;
        if fits { Ok(()) } else { Err(StartError::TooMuchInput(self.limit_bytes)) }
    }

    /// The program that is started next.
    #[inline(never)] // smaller so
    pub fn prepare(&self, input_bytes: u64) -> Child {
        Child { serial: self.next_serial, input_bytes, ..Child::default() }
    }

    /// Opens what its standard output and error are to be.
    ///
    /// # Errors
    /// Those of pipe2(2), memfd_create(2) and epoll_ctl(2).
    pub fn open_streams(&self, child: &mut Child, capture: Capture) -> Result<(), Errno> {
        let token = child.serial.wrapping_mul(2);
        let [output, error] = &mut child.streams;
        if matches!(capture, Capture::Output | Capture::Merged | Capture::Separated) {
            self.open(output, token)?;
        }
        if matches!(capture, Capture::Error | Capture::Separated) {
            self.open(error, token.wrapping_add(1))?;
        }
        Ok(())
    }

    fn open(&self, stream: &mut Captured, token: u64) -> Result<(), Errno> {
        let (pipe, writer) = fd::pipe()?;
        let pipe = stream.pipe.insert(pipe);
        stream.writer = Some(writer);
        pipe.set_non_blocking()?;
        let interest = Interest { read: true, ..Interest::default() };
        self.pipes.as_ref().ok_or(Errno::ENOSYS)?.add(pipe, token, interest)?;
        stream.file = Some(memory::file()?);
        Ok(())
    }

    /// Adds a program that was just started, and answers the number of its process. There is room, as
    /// [`Children::check_room`] has found.
    pub fn add(&mut self, mut child: Child) -> i32 {
        // It has its own, and a stream only ends when nobody else has one.
        for stream in &mut child.streams {
            stream.writer = None;
        }
        self.next_serial = child.serial.wrapping_add(1);
        let pid = child.pid;
        if self.noted.is_full() {
            if let Some(oldest) = self.oldest(0) {
                *oldest = child;
            }
        } else {
            // There is room.
            let _: Result<(), Child> = self.noted.push(child);
        }
        pid
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
        if delivered {
            let serial = child.serial;
            self.noted.retain(|child| child.serial != serial);
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
    #[inline(never)] // smaller so
    pub fn take_output(&mut self) {
        let Some(pipes) = self.pipes.take() else { return };
        // What can not be had now comes the next time.
        let mut events = Events::NONE;
        if pipes.poll(&mut events).is_ok() {
            for event in events {
                self.take_from(event.token / 2, usize::from(event.token % 2 != 0));
            }
        }
        self.pipes = Some(pipes);
    }

    #[inline(never)] // so that its buffer is not on the stack of the loop
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
        for child in self.noted.iter_mut() {
            if child.serial == serial {
                return child.streams.get_mut(stream);
            }
        }
        None
    }

    /// Keeps what a program wrote, as far as there is room. Once something was dropped, so is all that follows.
    fn keep(&mut self, serial: u64, stream: usize, bytes: &[u8]) {
        let Some(Captured { kept, .. }) = self.captured(serial, stream) else { return };
        if kept.truncated {
            return;
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let wanted = length.min(CHILD_STREAM_BYTES.wrapping_sub(kept.length));
        let least = CHILD_STREAM_LEAST_BYTES.saturating_sub(kept.length);
        while self.free_bytes() < wanted && self.drop_oldest() {}
        let fits = usize::try_from(wanted.min(self.free_bytes().max(least))).unwrap_or(usize::MAX);
        let mut rest = bytes.get(..fits).unwrap_or(bytes);
        let Some(Captured { kept, file: Some(file), .. }) = self.captured(serial, stream) else { return };
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(count) => {
                    kept.length = kept.length.wrapping_add(u64::try_from(count).unwrap_or(0));
                    rest = rest.get(count..).unwrap_or_default();
                }
                // There is no memory for it.
                Err(_) => break,
            }
        }
        kept.truncated = fits < bytes.len() || !rest.is_empty();
    }

    fn free_bytes(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.sum(Child::kept_bytes))
    }

    /// Drops what was kept of the oldest program that has ended; how it ended stays known. False if there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some(child) = self.oldest(1) else { return false };
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
            for child in self.noted.iter_mut() {
                // The number of a process is its own until here.
                if child.pid == pid && child.ended.is_none() {
                    child.ended = Some(match ended {
                        spawn::Ended::Exited(status) => Ended::Exited(status),
                        spawn::Ended::Killed(signal) => Ended::Killed(signal),
                    });
                }
            }
        }
    }
}
