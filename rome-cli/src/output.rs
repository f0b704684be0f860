//! What the tool prints and writes: text without what a terminal would obey, an end without noise when nobody reads on, and
//! files that are there whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rome_orm::{Error, Result};

/// Text of which a terminal shows each character: what it would obey instead is escaped. Names and values come from the
/// database, and the one who wrote them may not be the one who reads them.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && (c.is_control() || turns_text_around(c)) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks that show text in another order than it is written in.
fn turns_text_around(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints lines. That nobody reads them is no error.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    quietly(writeln!(out, "{}", shown(text)).and_then(|()| out.flush()))
        .map_err(|error| Error::invalid(format!("the output cannot be written: {error}")))
}

/// Prints a line beside the output. There is nowhere to say that this failed.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", shown(text));
}

fn quietly(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The standard output, which remembers that its reader has gone.
pub struct Piped {
    out: BufWriter<io::Stdout>,
    /// Whether the reader has gone, after which writing fails.
    pub closed: bool,
}

impl Piped {
    pub fn new() -> Self {
        Self { out: BufWriter::new(io::stdout()), closed: false }
    }

    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.closed |= result.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
        result
    }
}

impl Write for Piped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.noted(flushed)
    }
}

/// A file that takes the place of the one with its name when it is complete. On Unix only its owner can read it.
pub struct NewFile {
    out: BufWriter<File>,
    path: PathBuf,
    /// Where it is until then; nothing for a device or a pipe, which is written as it is.
    new: Option<PathBuf>,
}

impl NewFile {
    /// Begins the file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = match std::fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => {
                return Err(io::Error::other("this is a link, which is not followed: name the file that it leads to"));
            }
            Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => Some(OpenOptions::new().write(true).open(path)?),
            _ => None,
        };
        if let Some(file) = file {
            return Ok(Self { out: BufWriter::new(file), path: path.to_owned(), new: None });
        }
        let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let new = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { out: BufWriter::new(options.open(&new)?), path: path.to_owned(), new: Some(new) })
    }

    /// Puts it in its place, when it is on disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        let Some(new) = self.new.as_ref() else { return Ok(()) };
        self.out.get_ref().sync_all()?;
        std::fs::rename(new, &self.path)?;
        self.new = None;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What is not finished leaves nothing.
impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(new) = &self.new {
            let _ = std::fs::remove_file(new);
        }
    }
}
