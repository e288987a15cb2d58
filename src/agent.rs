//! The agent: takes requests from a [`Transport`], runs them, and sends the replies, a bounded step at a time.
//!
//! It borrows all it works with, never sleeps, and opens nothing: the caller says when to go on. Call [`Agent::step`]
//! until it answers [`Progress::Wait`], then wait for what it names, then call it again.

#[cfg(feature = "long-texts")]
mod drain;
mod ends;

use core::cell::Cell;

use embedded_io::{Error as _, ErrorKind};

use crate::args::Refused;
use crate::command::{Context, Cursor, Reply, Row, Step, Table};
use crate::errno::Errno;
use crate::error;
use crate::error::Class;
use crate::guest::Guest;
use crate::json::write::Writer;
use crate::limits::least;
use crate::long::{Long, Place};
use crate::request::{Event, Machine, Parts, Refusal, Storage};
use crate::transport::Transport;
use crate::wipe::{wipe, wipe_stack};
use ends::{end_reply, write_error};

/// The slices an agent works in. [`crate::limits`] has the least sizes and those of the Linux binary.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// Bytes read and not looked at yet.
    pub input: &'b mut [u8],
    /// Replies not sent yet.
    pub output: &'b mut [u8],
    /// The request.
    pub request: Storage<'b>,
}

impl Buffers<'_> {
    /// Whether every slice is as long as [`least`] wants.
    pub fn are_enough(&self) -> bool {
        self.input.len() >= least::INPUT_BYTES
            && self.output.len() >= least::OUTPUT_BYTES
            && self.request.request.len() >= least::REQUEST_BYTES
            && self.request.scratch_bytes >= least::SCRATCH_BYTES
            && self.request.scratch_bytes <= self.request.request.len() / 2
            && self.request.id.len() >= least::ID_BYTES
            && self.request.token.len() >= least::TOKEN_BYTES
            && self.request.keys.len() >= least::KEYS
            && self.request.nesting.len() >= least::NESTING_BYTES
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do at once.
    Again,
    /// Nothing can be done before the transport is ready.
    Wait {
        /// For reading. False while replies wait to be sent: no more requests are taken then.
        read: bool,
        /// For writing.
        write: bool,
    },
    /// The host hung up, its whole requests are answered and the answers are sent. Call [`Agent::hang_up`].
    Ended,
}

/// What the agent is at.
#[derive(Debug)]
enum Work<G: 'static> {
    /// Looking for the end of a request.
    Parse,
    /// A request is complete, but must wait for room in the output, or for the output to be empty.
    Run,
    /// A reply is written in steps.
    Reply(&'static Row<G>, Cursor),
}

/// The agent; see the head of the module.
#[derive(Debug)]
pub struct Agent<'b, G: 'static> {
    table: &'static Table<G>,
    machine: Machine<'b>,
    input: Queue<'b>,
    output: Queue<'b>,
    work: Work<G>,
    /// The command of the last request that was complete; `None` if that was refused, or there is no such command.
    row: Option<&'static Row<G>>,
    long: Option<Long>,
    /// The last piece of a reply was taken back, because it did not fit; or the next one is to wait for it to be sent.
    wants_all_room: bool,
    input_has_ended: bool,
    nobody_reads: bool,
    /// The output may quote what is nobody else's business.
    output_is_secret: bool,
}

/// Bytes on their way through a slice.
#[derive(Debug)]
struct Queue<'b> {
    buffer: &'b mut [u8],
    start: usize,
    end: usize,
    /// How far the buffer was used since it was last overwritten.
    touched: usize,
}

impl<'b> Queue<'b> {
    fn new(buffer: &'b mut [u8]) -> Self {
        Queue { buffer, start: 0, end: 0, touched: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn consume(&mut self, count: usize) {
        self.touched = self.touched.max(self.end);
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    fn clear(&mut self) {
        self.consume(usize::MAX);
    }

    /// Overwrites all but the bytes that are still on their way.
    fn wipe(&mut self) {
        wipe(self.buffer.get_mut(..self.start).unwrap_or_default());
        wipe(self.buffer.get_mut(self.end..self.touched).unwrap_or_default());
        self.touched = self.end;
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.buffer, self.end)
    }

    /// Whether half of the buffer is free, which is what a reply or a step of it is promised.
    fn has_room(&self) -> bool {
        self.end <= self.buffer.len() / 2
    }
}

impl<'b, G: Guest + 'static> Agent<'b, G> {
    /// An agent for the commands of `table`.
    pub fn new(table: &'static Table<G>, buffers: Buffers<'b>) -> Self {
        Agent {
            table,
            machine: Machine::new(buffers.request),
            input: Queue::new(buffers.input),
            output: Queue::new(buffers.output),
            work: Work::Parse,
            row: None,
            long: None,
            wants_all_room: false,
            input_has_ended: false,
            nobody_reads: false,
            output_is_secret: false,
        }
    }

    /// The host has gone: the half request and the replies nobody read are dropped, what is open stays open. A command
    /// that acts in the steps of its reply is brought to its end: one step for each thing its request names.
    pub fn hang_up(&mut self, guest: &mut G) {
        while let Work::Reply(row, cursor) = self.work {
            if !row.flags.acts_in_steps {
                (row.abandon)(&cursor, guest);
                break;
            }
            self.output.clear();
            self.reply_step(row, cursor, guest);
        }
        self.machine.reset();
        self.input.clear();
        self.output.clear();
        // Nobody knows what the half request was to become.
        self.wipe(0);
        self.wipe_output();
        self.work = Work::Parse;
        empty_spool(self.long.take(), guest);
        self.wants_all_room = false;
        self.input_has_ended = false;
        self.nobody_reads = false;
    }

    /// The host reads no more: replies are dropped from now on, but whole requests that came are still run. Then the agent
    /// answers [`Progress::Ended`], once the transport gives 0 bytes.
    pub fn discard_replies(&mut self) {
        self.nobody_reads = true;
    }

    /// Whether nothing that came is left to be answered, or to be completed.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.work, Work::Parse) && self.input.is_empty() && self.output.is_empty() && self.machine.is_at_rest()
    }

    /// The end of the input was none: the host is still to come.
    pub fn resume_input(&mut self) {
        self.input_has_ended = false;
    }

    /// Does the next bit of work: at most one read, one write, one request, or one piece of a reply.
    ///
    /// # Errors
    /// The line is gone; call [`Agent::hang_up`].
    pub fn step<T: Transport>(&mut self, transport: &mut T, guest: &mut G) -> Result<Progress, T::Error> {
        match self.work {
            Work::Parse if !self.input.is_empty() => self.parse(guest),
            Work::Parse if !self.output.is_empty() => return self.send(transport),
            Work::Parse if self.input_has_ended => return Ok(Progress::Ended),
            Work::Parse => return self.receive(transport),
            Work::Reply(row, cursor) if self.nobody_reads && !row.flags.acts_in_steps => {
                (row.abandon)(&cursor, guest);
                self.output.clear();
                self.work = Work::Parse;
            }
            Work::Run | Work::Reply(..) if !self.output.has_room() => return self.send(transport),
            // A piece that did not fit into half of the buffer gets all of it, and so does one that is to wait.
            Work::Reply(..) if self.wants_all_room && !self.output.is_empty() => return self.send(transport),
            Work::Run if !self.output.is_empty() && self.row.is_some_and(|row| row.flags.flush_first) => {
                return self.send(transport);
            }
            Work::Run => self.run_and_wipe(guest),
            Work::Reply(row, cursor) => self.reply_step(row, cursor, guest),
        }
        Ok(Progress::Again)
    }

    fn receive<T: Transport>(&mut self, transport: &mut T) -> Result<Progress, T::Error> {
        if !transport.read_ready()? {
            return Ok(Progress::Wait { read: true, write: false });
        }
        match transport.read(self.input.buffer) {
            Ok(0) => self.input_has_ended = true,
            Ok(count) => {
                self.input.start = 0;
                self.input.end = count.min(self.input.buffer.len());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                return Ok(Progress::Wait { read: true, write: false });
            }
            Err(error) => return Err(error),
        }
        Ok(Progress::Again)
    }

    fn send<T: Transport>(&mut self, transport: &mut T) -> Result<Progress, T::Error> {
        const WAIT: Progress = Progress::Wait { read: false, write: true };
        if self.nobody_reads {
            self.output.clear();
            self.wipe_output();
            return Ok(Progress::Again);
        }
        if !transport.write_ready()? {
            return Ok(WAIT);
        }
        match transport.write(self.output.bytes()) {
            Ok(0) => Ok(WAIT),
            Ok(count) => {
                self.output.consume(count);
                self.wipe_output();
                Ok(Progress::Again)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(WAIT),
            Err(error) => Err(error),
        }
    }

    fn parse(&mut self, guest: &mut G) {
        let (used, event) = self.machine.feed(self.input.bytes());
        self.input.consume(used);
        match event {
            Event::More => {}
            Event::Complete => {
                self.work = Work::Run;
                // Mostly it is the same command as before.
                let name = self.machine.name();
                let same = self.row.filter(|row| row.name.as_bytes() == name);
                self.row = if self.machine.refusal().is_some() { None } else { same.or_else(|| self.table.find(name)) };
            }
            #[cfg(feature = "long-texts")]
            Event::Full => self.drain(guest),
            #[cfg(not(feature = "long-texts"))]
            Event::Full => {
                let _ = guest;
                self.machine.refuse_long_text();
            }
        }
    }

    /// Runs a request. Unless its command is known to have no secrets, what is left of it is then overwritten: one that was
    /// refused may have been meant for one that has.
    fn run_and_wipe(&mut self, guest: &mut G) {
        let row = self.row;
        let has_secrets = row.is_none_or(|row| row.flags.secret);
        let scratch_bytes = if row.is_some() { self.machine.scratch_bytes() } else { 0 };
        // A command may put another one there.
        let long = self.long;
        self.run_or_refuse(row, guest);
        self.long = None;
        empty_spool(long, guest);
        if has_secrets {
            self.wipe(scratch_bytes);
            self.output_is_secret = true;
            if row.is_some() {
                wipe_stack();
            }
        }
    }

    /// Overwrites what is left of requests, and `scratch_bytes` of the scratch room.
    fn wipe(&mut self, scratch_bytes: usize) {
        self.machine.wipe(scratch_bytes);
        self.input.wipe();
    }

    /// Overwrites replies that are sent, if they may quote a secret.
    fn wipe_output(&mut self) {
        if self.output_is_secret && self.output.is_empty() {
            self.output.wipe();
            self.output_is_secret = false;
        }
    }

    /// A request is complete: runs its command, which is in this row of the table, or says why not.
    #[inline(never)] // smaller so
    fn run_or_refuse(&mut self, row: Option<&'static Row<G>>, guest: &mut G) {
        self.work = Work::Parse;
        let long = Cell::from_mut(&mut self.long);
        let written = || long.get().map_or(0, |long| long.written);
        let mut writer = self.output.writer();
        if row.is_none()
            && let Some(Refusal { error, echo }) = self.machine.refusal()
        {
            let id = if echo { self.machine.id() } else { b"" };
            write_error(&mut writer, &error, written(), id);
            self.output.end = writer.len();
            return;
        }
        let scratch_bytes = self.machine.scratch_bytes();
        let parts = self.machine.parts();
        let begin = writer.mark();
        let mut refused = None;
        let mut cursor = Cursor::default();
        let mut done = None;
        if let Some(row) = allowed(row, parts.name, guest, &mut refused) {
            guest.called(row.name);
            if row.flags.delimited {
                writer.raw(b"\xFF");
            }
            writer.raw(b"{\"return\": ");
            // Of the scratch room, a command with secrets gets what is overwritten behind it.
            let length = if row.flags.secret { scratch_bytes } else { usize::MAX }.min(parts.scratch.len());
            let scratch = parts.scratch.get_mut(..length).unwrap_or_default();
            let context = Context { guest, scratch, table: self.table, arguments: parts.arguments, long };
            // Taken apart where it is: an error is larger than all that a ping has to copy.
            match row.run(context, Reply::new(&mut writer, &mut cursor), &mut refused) {
                Some(Ok(written)) => done = Some((row, written)),
                Some(Err(error)) => refused = Some(error),
                None => {}
            }
        }
        match done {
            Some((row, _)) if row.flags.silent => writer.roll_back(begin),
            Some((row, done)) if done.has_steps() => self.work = Work::Reply(row, cursor),
            Some(_) => end_reply(&mut writer, parts.id),
            None => {
                writer.roll_back(begin);
                write_error(&mut writer, &refused.unwrap_or_default(), written(), parts.id);
            }
        }
        if writer.is_full() {
            writer.roll_back(begin);
            write_error(&mut writer, &error!["the reply does not fit into the agent's buffer"], 0, b"");
            self.work = Work::Parse;
        }
        self.output.end = writer.len();
    }

    fn reply_step(&mut self, row: &'static Row<G>, mut cursor: Cursor, guest: &mut G) {
        let had_room_only = self.output.is_empty();
        let parts = self.machine.parts();
        let mut writer = self.output.writer();
        let begin = writer.mark();
        let before = cursor;
        let Parts { arguments, scratch, .. } = parts;
        let context = Context { guest, scratch, table: self.table, arguments, long: &Cell::new(None) };
        let step = (row.step)(&mut cursor, context, &mut writer);
        match step {
            Step::More | Step::Flush => {}
            Step::Done => end_reply(&mut writer, parts.id),
            Step::Broken => writer.raw(b"\n"),
        }
        self.wants_all_room = writer.is_full() || step == Step::Flush;
        if !writer.is_full() {
            let goes_on = matches!(step, Step::More | Step::Flush);
            self.work = if goes_on { Work::Reply(row, cursor) } else { Work::Parse };
        } else {
            writer.roll_back(begin);
            self.work = Work::Reply(row, before);
            if had_room_only {
                // A piece that the whole buffer does not hold can never be sent: the line is ended as it is.
                writer.raw(b"\n");
                self.work = Work::Parse;
            }
        }
        self.output.end = writer.len();
    }
}

/// The command `name` with its `row`, if it has one and may run; else `refused` says why not.
fn allowed<'n, G: Guest>(
    row: Option<&'static Row<G>>,
    name: &'n [u8],
    guest: &mut G,
    refused: &mut Refused<'n>,
) -> Option<&'static Row<G>> {
    let error = match row.map(|row| (row.name, row.refusal(guest))) {
        Some((_, None)) => return row,
        Some((name, Some(reason))) => error!["Command ", name, " has been disabled: ", reason],
        None => error!["The command ", name, " has not been found"],
    };
    *refused = Some(error.of_class(Class::CommandNotFound));
    None
}

/// Gives back the room of a long text that was spooled, and has been used or is not wanted.
fn empty_spool<G: Guest>(long: Option<Long>, guest: &mut G) {
    if long.is_some_and(|long| long.place == Place::Spool)
        && let Some(spool) = guest.spool()
    {
        // If it fails, it is emptied before it is used again.
        let _: Result<(), Errno> = spool.clear();
    }
}
