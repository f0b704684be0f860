//! The Lua scripts, and how they are called: by their hash, loaded again where the server does not know it.

pub(crate) mod bundle;
pub(crate) mod keys;
pub(crate) mod names;
pub(crate) mod program;

use redis::{Cmd, Value};

/// A script and its hash.
#[derive(Debug)]
pub(crate) struct Script {
    source: String,
    hash: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let source = names::resolve(&format!("{}{}", include_str!("shared.lua"), parts.concat()));
        let hash = sha1_smol::Sha1::from(&source).digest().to_string();
        Self { source, hash }
    }

    /// The start of a call with these keys; the arguments follow.
    pub(crate) fn call<'k>(&self, keys: impl ExactSizeIterator<Item = &'k [u8]>) -> Cmd {
        self.call_with_room(keys, 0, 0)
    }

    /// The same with room for so many arguments and bytes of them.
    pub(crate) fn call_with_room<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k [u8]>,
        arguments: usize,
        bytes: usize,
    ) -> Cmd {
        let mut cmd = Cmd::with_capacity(3 + keys.len() + arguments, 64 + 24 * keys.len() + bytes);
        cmd.arg("EVALSHA");
        cmd.arg(&self.hash).arg(keys.len());
        for key in keys {
            cmd.arg(key);
        }
        cmd
    }

    fn load(&self) -> Cmd {
        let mut cmd = redis::cmd("SCRIPT");
        cmd.arg("LOAD").arg(&self.source);
        cmd
    }
}

/// When the apply script needs the functions that read spans.
const APPLY_NEEDS_SPANS: &str = "programs > 1 or first_flags >= FLAG_SPANS";

/// The functions that read spans, made if this condition holds.
fn spans(condition: &str) -> String {
    include_str!("spans.lua").replace("if NEEDS_SPANS then", &format!("if {condition} then"))
}

/// All scripts.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) open: Script,
    pub(crate) apply: Script,
    pub(crate) read: Script,
    pub(crate) reserve: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            open: Script::new(&[include_str!("open.lua")]),
            apply: Script::new(&[
                include_str!("state.lua"),
                &spans(APPLY_NEEDS_SPANS),
                include_str!("locks.lua"),
                include_str!("apply.lua"),
            ]),
            read: Script::new(&[&spans("true"), include_str!("read.lua")]),
            reserve: Script::new(&[include_str!("reserve.lua")]),
        }
    }

    /// Makes them all known to a server.
    pub(crate) fn load(&self) -> redis::Pipeline {
        let mut pipeline = redis::pipe();
        for script in [&self.open, &self.apply, &self.read, &self.reserve] {
            pipeline.add_command(script.load());
        }
        pipeline
    }
}

/// Whether a reply says that the server did not know the script, and so did not run it.
pub(crate) fn is_unknown(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT")
}
