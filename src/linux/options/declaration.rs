//! The declaration of the options.

/// All options, as `--help` prints them: this text is the declaration. A line that begins with two blanks declares one:
/// its letter, if it has one, its long name, and the value it takes in capitals, in brackets if it may be left out.
///
/// It fits a screen of 24 lines of 80 columns, with the usage line above it. Behind the empty line is what is read as well,
/// but not told of here: the name that `--block-rpcs` had up to qemu-ga 7, an option that does nothing on Linux, the one
/// that prints this, of which the usage line tells, and what was left out when this agent was built.
pub const OPTIONS: &str = match core::str::from_utf8(&JOINED) {
    Ok(text) => text,
    Err(_) => "",
};

const LINES: &[&str] = &[
    "Talking to the host:\n",
    "  -m, --method METHOD        virtio-serial, isa-serial, (unix|vsock)-listen, fd\n",
    "  -p, --path PATH            device, socket, CID:PORT or number of a descriptor\n",
    #[cfg(feature = "vsock-listen")]
    "      --vsock-peer CID       the only CID that is served (2, the host), or `any`\n",
    "  -r, --retry-path           accepted: a line that is lost is always looked for\n",
    "Running:\n",
    #[cfg(feature = "config-file")]
    "  -c, --config PATH          a file of options (/etc/qemu/qemu-ga.conf)\n",
    #[cfg(feature = "daemon")]
    "  -d, --daemonize            go into the background once started\n",
    #[cfg(feature = "daemon")]
    "  -f, --pidfile PATH         write the process number there, and lock the file\n",
    #[cfg(feature = "log")]
    "  -l, --logfile PATH         messages go there, not to standard error or syslog\n",
    "  -t, --statedir DIR         a freeze is noted there (/run, else /var/run)\n",
    #[cfg(feature = "log")]
    "  -v, --verbose              also say what goes on\n",
    "Commands:\n",
    "  -a, --allow-rpcs LIST      no command but these, which commas separate\n",
    "  -b, --block-rpcs LIST      not these commands; `help` lists all there are\n",
    #[cfg(feature = "freeze")]
    "  -F, --fsfreeze-hook[=PATH] runs for each freeze (/etc/qemu/fsfreeze-hook)\n",
    #[cfg(feature = "freeze")]
    "      --hook-timeout S       how long it may take each time (60); 0 for no limit\n",
    #[cfg(feature = "freeze")]
    "      --freeze-timeout S     end a freeze nobody asks about (600); 0 for never\n",
    #[cfg(feature = "power")]
    "      --shutdown-timeout S   how long PID 1 has to stop the machine (90)\n",
    "Telling:\n",
    #[cfg(feature = "check")]
    "      --check[=json]         what works here, what is missing, and how to get it\n",
    #[cfg(feature = "config-file")]
    "  -D, --dump-conf            print the configuration that results\n",
    "  -V, --version              print the version\n",
    // Behind this empty line is what `--help` does not tell of.
    "\n",
    "      --blacklist LIST\n",
    "  -h, --help\n",
    "  -s, --service WHAT\n",
    // What was left out, so that it is told from what never was.
    #[cfg(not(feature = "vsock-listen"))]
    "      --vsock-peer X\n",
    #[cfg(not(feature = "config-file"))]
    "  -c, --config X\n  -D, --dump-conf\n",
    #[cfg(not(feature = "daemon"))]
    "  -d, --daemonize\n  -f, --pidfile X\n",
    #[cfg(not(feature = "log"))]
    "  -l, --logfile X\n  -v, --verbose\n",
    #[cfg(not(feature = "freeze"))]
    "  -F, --fsfreeze-hook[X]\n      --hook-timeout X\n      --freeze-timeout X\n",
    #[cfg(not(feature = "power"))]
    "      --shutdown-timeout X\n",
    #[cfg(not(feature = "check"))]
    "      --check[X]\n",
];

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
const BYTES: usize = {
    let mut bytes = 0;
    let mut line = 0;
    while line < LINES.len() {
        bytes += LINES[line].len();
        line += 1;
    }
    bytes
};

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
const JOINED: [u8; BYTES] = {
    let mut joined = [0; BYTES];
    let mut end = 0;
    let mut line = 0;
    while line < LINES.len() {
        let text = LINES[line].as_bytes();
        let mut index = 0;
        while index < text.len() {
            joined[end] = text[index];
            end += 1;
            index += 1;
        }
        line += 1;
    }
    joined
};

/// How much of [`OPTIONS`] `--help` prints.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
pub const HELP_BYTES: usize = {
    let text = OPTIONS.as_bytes();
    let mut end = 1;
    while !(text[end] == b'\n' && text[end - 1] == b'\n') {
        end += 1;
    }
    end
};

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// It takes none.
    Nothing,
    /// It takes one.
    Value,
    /// It takes one that may be left out: behind its letter, or behind `=`.
    Perhaps,
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its letter, by which it is told from the others. All options of qemu-ga have one; one of our own has the first of
    /// its name with [`OWN`] instead.
    pub letter: u8,
    /// Its long name.
    pub name: &'static [u8],
    /// Its value.
    pub takes: Takes,
}

/// What marks the letter of an option that can not be given by it.
pub const OWN: u8 = 0x80;

impl Known {
    /// The option that a line of [`OPTIONS`] declares.
    fn of(line: &'static [u8]) -> Option<Known> {
        let rest = line.strip_prefix(b"  ")?;
        let (letter, rest) = match rest {
            [b'-', letter, b',', b' ', b'-', b'-', rest @ ..] => (*letter, rest),
            [b' ', b' ', b' ', b' ', b'-', b'-', rest @ ..] => (rest.first()? | OWN, rest),
            _ => return None,
        };
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'[')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at_checked(end)?;
        let takes = match behind {
            [b'[', ..] => Takes::Perhaps,
            [b' ', b'A'..=b'Z', ..] => Takes::Value,
            _ => Takes::Nothing,
        };
        Some(Known { letter, name, takes })
    }

    /// The option of that name.
    pub fn named(name: &[u8]) -> Option<Known> {
        declared().find(|known| known.name == name)
    }
}

/// The options that [`OPTIONS`] declares.
pub fn declared() -> Declared {
    Declared { rest: OPTIONS.as_bytes() }
}

/// See [`declared`].
#[derive(Clone, Debug)]
pub struct Declared {
    rest: &'static [u8],
}

impl Iterator for Declared {
    type Item = Known;

    #[inline(never)]
    fn next(&mut self) -> Option<Known> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&byte| byte == b'\n')?;
            let (line, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest.get(1..)?;
            if let Some(known) = Known::of(line) {
                return Some(known);
            }
        }
        None
    }
}
