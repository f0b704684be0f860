//! Whose word is taken for who asks: which proxies may say it with headers.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use sha2::{Digest, Sha256};

/// The header in which a proxy shows the shared secret.
pub const SECRET_HEADER: &str = "x-proxy-secret";

/// The least bytes of a shared secret.
const LEAST: usize = 16;

/// Whose word is taken for who asks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Trust")]
pub struct Trust {
    /// Addresses or networks (`10.0.0.7`, `10.1.0.0/16`, `fd00::/8`, with commas between them) of the authenticating proxies
    /// whose identity headers are believed. On a loopback address those of every caller are, unless this is given; on any
    /// other address nobody's are.
    #[arg(long, env = "GLANCE_TRUST_PROXY", value_delimiter = ',')]
    pub trust_proxy: Vec<Network>,
    /// A file with a secret of at least 16 bytes that the proxies send in `X-Proxy-Secret`; identity headers are believed with
    /// it alone. With `--trust-proxy`, too, both have to be right.
    #[arg(long, env = "GLANCE_TRUST_PROXY_SECRET_FILE")]
    pub trust_proxy_secret_file: Option<PathBuf>,
    /// Names, with commas between them, that `Host` may have. On a loopback address `localhost` and loopback addresses are
    /// accepted too, and nothing else; on any other address every name is, unless this is given.
    #[arg(long, env = "GLANCE_ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
}

/// A network of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether an address is in it. An IPv4 address is the same one when it comes as IPv6.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no address and no network: write 10.0.0.7 or 10.1.0.0/16");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A secret that a proxy shares with the service. Neither shown nor kept: only its hash is.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    fn new(secret: &[u8]) -> io::Result<Self> {
        let secret = secret.trim_ascii();
        if secret.len() < LEAST {
            return Err(io::Error::other(format!("a secret has at least {LEAST} bytes")));
        }
        Ok(Self(Sha256::digest(secret).into()))
    }

    /// Whether this is the secret. Takes as long for one that is nearly right as for any other.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.iter().zip(given).fold(0, |different, (own, given)| different | (own ^ given)) == 0
    }
}

impl Trust {
    /// Reads the shared secret, if there is a file with one.
    ///
    /// # Errors
    /// When the file cannot be read, or the secret is shorter than 16 bytes.
    pub fn secret(&self) -> io::Result<Option<Secret>> {
        self.trust_proxy_secret_file.as_ref().map(|file| Secret::new(&std::fs::read(file)?)).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Network, Secret};

    #[test]
    fn a_network_has_its_addresses() {
        for (network, address, inside) in [
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("10.0.0.7", "::ffff:10.0.0.7", true),
            ("10.1.0.0/16", "10.1.255.1", true),
            ("10.1.0.0/16", "10.2.0.1", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "fd00::1", false),
            ("::/0", "fd00::1", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
        ] {
            assert_eq!(
                network.parse::<Network>().unwrap().has(address.parse().unwrap()),
                inside,
                "{network} {address}"
            );
        }
        for wrong in ["", "host", "10.0.0.0/33", "::/129", "10.0.0.0/x", "10.0.0.0/-1", "/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let secret = Secret::new(b"  0123456789abcdef\n").unwrap();
        assert!(secret.is(b"0123456789abcdef") && !secret.is(b"0123456789abcdeg") && !secret.is(b""));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(Secret::new(b"short").is_err());
    }
}
