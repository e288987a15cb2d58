//! The command line: qemu-ga's options, as getopt_long(3) reads them, and a few of our own.

use core::ffi::CStr;

use super::lines::decimal;
use crate::error;
use crate::error::Error;

/// How the host is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A virtio-serial port.
    VirtioSerial,
    /// A serial line.
    IsaSerial,
    /// A Unix socket that clients connect to.
    UnixListen,
    /// A socket of the hypervisor that clients connect to.
    VsockListen,
}

/// What the command line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `-m`
    pub method: Method,
    /// `-p`
    pub path: Option<&'static CStr>,
    /// `-l`
    pub log_file: Option<&'static CStr>,
    /// `-f`
    pub pid_file: Option<&'static CStr>,
    /// `-t`
    pub state_directory: Option<&'static CStr>,
    /// `-v`
    pub verbose: bool,
    /// `--shutdown-timeout`
    pub shutdown_timeout_s: u32,
    /// `-F`
    pub freeze_hook: Option<&'static CStr>,
    /// `--hook-timeout`: 0 for never.
    pub hook_timeout_s: u32,
    /// `--freeze-timeout`: 0 for never.
    pub freeze_timeout_s: u32,
    /// `--vsock-peer`: the only address whose clients are served; `None` for any.
    pub vsock_peer: Option<u32>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    Run(Options),
    /// Print the version.
    Version,
    /// Print the options.
    Help,
}

/// Whether an option takes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// Attached to it, or the next word.
    Value,
    /// Attached to it, if at all.
    MaybeValue,
}

/// An option: its letter (0 for none), its long name, and whether it takes an argument.
struct Known {
    letter: u8,
    name: &'static str,
    takes: Takes,
}

const KNOWN: [Known; 13] = [
    Known { letter: b'm', name: "method", takes: Takes::Value },
    Known { letter: b'p', name: "path", takes: Takes::Value },
    Known { letter: b'l', name: "logfile", takes: Takes::Value },
    Known { letter: b'f', name: "pidfile", takes: Takes::Value },
    Known { letter: b't', name: "statedir", takes: Takes::Value },
    Known { letter: b'F', name: "fsfreeze-hook", takes: Takes::MaybeValue },
    Known { letter: b'v', name: "verbose", takes: Takes::Nothing },
    Known { letter: b'V', name: "version", takes: Takes::Nothing },
    Known { letter: b'h', name: "help", takes: Takes::Nothing },
    Known { letter: 0, name: "shutdown-timeout", takes: Takes::Value },
    Known { letter: 0, name: "freeze-timeout", takes: Takes::Value },
    Known { letter: 0, name: "hook-timeout", takes: Takes::Value },
    Known { letter: 0, name: "vsock-peer", takes: Takes::Value },
];

/// The hook that `-F` means without a path.
const DEFAULT_HOOK: &CStr = c"/etc/qemu/fsfreeze-hook";

/// What `--help` prints behind the usage line.
pub const HELP: &str = "\
A QEMU guest agent: static, no heap, no helper programs.

Talking to the host:
  -m, --method METHOD        virtio-serial (the default), isa-serial, unix-listen or vsock-listen
  -p, --path PATH            device or socket; for vsock-listen CID:PORT. Defaults: the port named
                             org.qemu.guest_agent.0, found with or without udev; /dev/ttyS0
      --vsock-peer CID       the only CID that is served (2, the host), or `any`
Running:
  -l, --logfile PATH         messages go there instead of to standard error
  -f, --pidfile PATH         write the process number there, and hold a lock on it
  -t, --statedir DIR         where a freeze is noted, if it is in memory (/run, else /var/run)
      --shutdown-timeout S   how long PID 1 has to stop the machine before the agent does (90)
  -v, --verbose              also say what goes on
Freezing:
  -F, --fsfreeze-hook[=PATH] run PATH (/etc/qemu/fsfreeze-hook) with `freeze` before and `thaw` after a freeze; the path
                             must be attached: -FPATH
      --hook-timeout S       how long it may take each time (60); 0 for no limit
      --freeze-timeout S     end a freeze that nobody has thawed or asked for so long (600); 0 for never
Telling:
  -V, --version              print the version
  -h, --help                 print this
";

impl Options {
    /// What holds for a command line without options.
    pub const DEFAULT: Options = Options {
        method: Method::VirtioSerial,
        path: None,
        log_file: None,
        pid_file: None,
        state_directory: None,
        verbose: false,
        shutdown_timeout_s: 90,
        freeze_hook: None,
        // Enough for a database to write out what it has; and clients wait longer than this for a thaw.
        hook_timeout_s: 60,
        freeze_timeout_s: 600,
        vsock_peer: Some(super::channel::HOST_CID),
    };

    fn set(&mut self, name: &'static str, value: &'static CStr) -> Result<(), Error<'static>> {
        match name {
            "method" => {
                self.method = match value.to_bytes() {
                    b"virtio-serial" => Method::VirtioSerial,
                    b"isa-serial" => Method::IsaSerial,
                    b"unix-listen" => Method::UnixListen,
                    b"vsock-listen" => Method::VsockListen,
                    other => return Err(error!["unsupported channel method/type: ", other]),
                }
            }
            "path" => self.path = Some(value),
            "logfile" => self.log_file = Some(value),
            "pidfile" => self.pid_file = Some(value),
            "statedir" => self.state_directory = Some(value),
            "verbose" => self.verbose = true,
            "fsfreeze-hook" => self.freeze_hook = Some(if value.is_empty() { DEFAULT_HOOK } else { value }),
            "shutdown-timeout" => self.shutdown_timeout_s = number_of(name, value)?,
            "freeze-timeout" => self.freeze_timeout_s = number_of(name, value)?,
            "hook-timeout" => self.hook_timeout_s = number_of(name, value)?,
            "vsock-peer" if value.to_bytes() == b"any" => self.vsock_peer = None,
            "vsock-peer" => self.vsock_peer = Some(number_of(name, value)?),
            _ => {}
        }
        Ok(())
    }
}

fn number_of(name: &'static str, value: &'static CStr) -> Result<u32, Error<'static>> {
    let number = match decimal(value.to_bytes()) {
        Some((number, b"")) => u32::try_from(number).ok(),
        _ => None,
    };
    let wanted = "' wants a number from 0 to 4294967295, not '";
    number.ok_or_else(|| error!["option '--", name, wanted, value.to_bytes(), "'"])
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// An option that is unknown, ambiguous, without the argument it takes, or with one it does not take; a value that is
/// none.
pub fn parse(mut arguments: impl Iterator<Item = &'static CStr>) -> Result<Action, Error<'static>> {
    let mut options = Options::DEFAULT;
    while let Some(argument) = arguments.next() {
        let bytes = argument.to_bytes();
        if bytes == b"--" {
            break;
        }
        if bytes.starts_with(b"--") {
            let (known, value) = long(argument)?;
            let value = match (known.takes, value) {
                (Takes::Value, None) => {
                    arguments.next().ok_or_else(|| error!["option '--", known.name, "' wants a value"])?
                }
                (Takes::Nothing, Some(_)) => return Err(error!["option '--", known.name, "' takes no value"]),
                (_, value) => value.unwrap_or_default(),
            };
            match known.name {
                "version" => return Ok(Action::Version),
                "help" => return Ok(Action::Help),
                name => options.set(name, value)?,
            }
        } else if bytes.len() > 1 && bytes.starts_with(b"-") {
            // Letters without a value may share a dash; the first with one takes the rest, or what follows.
            let mut letters = tail(argument, 1);
            while let Some(&letter) = letters.to_bytes().first() {
                let Some(known) = KNOWN.iter().find(|known| known.letter == letter) else {
                    return Err(error!["unknown option '-", letters.to_bytes().get(..1).unwrap_or_default(), "'"]);
                };
                letters = tail(letters, 1);
                let value = match (known.takes, letters.is_empty()) {
                    (Takes::Nothing, _) => c"",
                    (Takes::MaybeValue, _) | (Takes::Value, false) => core::mem::replace(&mut letters, c""),
                    (Takes::Value, true) => arguments.next().ok_or_else(|| {
                        error![
                            "option '-",
                            bytes.get(bytes.len().saturating_sub(1)..).unwrap_or_default(),
                            "' wants a value"
                        ]
                    })?,
                };
                match known.name {
                    "version" => return Ok(Action::Version),
                    "help" => return Ok(Action::Help),
                    name => options.set(name, value)?,
                }
            }
        }
        // What is no option is passed over, as qemu-ga does.
    }
    Ok(Action::Run(options))
}

/// A long option and the value behind its `=`. The name may be cut where it stays unambiguous.
fn long(argument: &'static CStr) -> Result<(&'static Known, Option<&'static CStr>), Error<'static>> {
    let text = argument.to_bytes();
    let end = text.iter().position(|&byte| byte == b'=').unwrap_or(text.len());
    let name = text.get(2..end).unwrap_or_default();
    let value = if end < text.len() { Some(tail(argument, end.saturating_add(1))) } else { None };
    if let Some(known) = KNOWN.iter().find(|known| known.name.as_bytes() == name) {
        return Ok((known, value));
    }
    let mut candidates = KNOWN.iter().filter(|known| known.name.as_bytes().starts_with(name));
    match (candidates.next(), candidates.next()) {
        (Some(known), None) => Ok((known, value)),
        (Some(_), Some(_)) => Err(error!["option '--", name, "' is ambiguous"]),
        (None, _) => Err(error!["unknown option '--", name, "'"]),
    }
}

/// What is left of a text behind its first bytes.
fn tail(text: &'static CStr, start: usize) -> &'static CStr {
    let bytes = text.to_bytes_with_nul().get(start..).unwrap_or_default();
    CStr::from_bytes_with_nul(bytes).unwrap_or(c"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Writer;

    fn run(arguments: &[&'static CStr]) -> Options {
        match parse(arguments.iter().copied()) {
            Ok(Action::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(arguments: &[&'static CStr]) -> String {
        let mut buffer = [0; 256];
        let mut writer = Writer::new(&mut buffer, 0);
        parse(arguments.iter().copied()).expect_err("refused").write(256, &mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn options_in_every_spelling() {
        let options = Options { method: Method::UnixListen, path: Some(c"/x"), verbose: true, ..Options::DEFAULT };
        for arguments in [
            &[c"-m", c"unix-listen", c"-p", c"/x", c"-v"][..],
            &[c"-munix-listen", c"-vp/x"],
            &[c"-vm", c"unix-listen", c"-vp", c"/x"],
            &[c"--method=unix-listen", c"--path=/x", c"--verbose"],
            &[c"--method", c"unix-listen", c"--path", c"/x", c"--verb"],
            &[c"stray", c"--me", c"unix-listen", c"--pa", c"/x", c"-v", c"--", c"-V"],
        ] {
            assert_eq!(run(arguments), options, "{arguments:?}");
        }
        assert_eq!(run(&[]), Options::DEFAULT);
        assert_eq!(run(&[c"--vsock-peer=any"]).vsock_peer, None);
        assert_eq!(run(&[c"--shutdown-timeout", c"0"]).shutdown_timeout_s, 0);
        let timeouts = run(&[c"--freeze-timeout=5", c"--hook-timeout", c"7"]);
        assert_eq!((timeouts.freeze_timeout_s, timeouts.hook_timeout_s), (5, 7));
        assert_eq!(parse([c"-vV"].into_iter()).ok(), Some(Action::Version));
        assert_eq!(parse([c"--help"].into_iter()).ok(), Some(Action::Help));
    }

    #[test]
    fn the_path_of_a_hook_is_attached_or_none() {
        for (arguments, hook) in [
            (&[c"-v"][..], None),
            (&[c"-F"], Some(DEFAULT_HOOK)),
            (&[c"-vF", c"/x"], Some(DEFAULT_HOOK)),
            (&[c"--fsfreeze-hook", c"/x"], Some(DEFAULT_HOOK)),
            (&[c"-F/x"], Some(c"/x")),
            (&[c"--fsfreeze=/x"], Some(c"/x")),
        ] {
            assert_eq!(run(arguments).freeze_hook, hook, "{arguments:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (arguments, text) in [
            (&[c"-x"][..], "unknown option '-x'"),
            (&[c"-vx"], "unknown option '-x'"),
            (&[c"--nonsense=1"], "unknown option '--nonsense'"),
            (&[c"--ver"], "option '--ver' is ambiguous"),
            (&[c"-p"], "option '-p' wants a value"),
            (&[c"--path"], "option '--path' wants a value"),
            (&[c"--verbose=1"], "option '--verbose' takes no value"),
            (&[c"-m", c"carrier-pigeon"], "unsupported channel method/type: carrier-pigeon"),
            (
                &[c"--shutdown-timeout", c"soon"],
                "option '--shutdown-timeout' wants a number from 0 to 4294967295, not 'soon'",
            ),
        ] {
            assert_eq!(refusal(arguments), text);
        }
    }
}
