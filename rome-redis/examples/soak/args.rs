//! The command line.

use std::time::Duration;

use rome_store::Durability;

use crate::soaking::{Fault, Soak};

/// The soak that the arguments ask for, or what is wrong with them.
pub fn parse(arguments: &[String]) -> Result<Soak, String> {
    let mut soak = Soak::default();
    let mut faults = None;
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("{name} needs a value, or is not known"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{name} {value}: {error}"));
        match (name.as_str(), value.as_str()) {
            ("--minutes", _) => soak.time = Duration::from_secs(60 * number()?),
            ("--seconds", _) => soak.time = Duration::from_secs(number()?),
            ("--round", _) => soak.round = Duration::from_secs(number()?),
            ("--clients", _) => soak.clients = number()?,
            ("--seed", _) => soak.seed = number()?,
            ("--store", "single" | "cluster") => soak.cluster = value == "cluster",
            ("--durability", "memory") => soak.durability = Durability::Memory,
            ("--durability", "local") => soak.durability = Durability::Local,
            ("--durability", "replicated") => soak.durability = Durability::Replicated(1),
            ("--faults", _) => faults = Some(value.split(',').map(fault).collect::<Result<Vec<_>, _>>()?),
            _ => return Err(format!("{name} {value} is not known")),
        }
    }
    let possible = soak.possible();
    if let Some(fault) = faults.iter().flatten().find(|fault| !possible.contains(fault)) {
        let names: Vec<&str> = possible.iter().map(|fault| fault.name()).collect();
        return Err(format!("{} cannot be had with this store and durability, but {}", fault.name(), names.join(",")));
    }
    soak.faults = faults.unwrap_or_else(|| soak.usual());
    Ok(soak)
}

fn fault(name: &str) -> Result<Fault, String> {
    let found = Fault::ALL.into_iter().find(|fault| fault.name() == name);
    found.ok_or_else(|| {
        let names = Fault::ALL.map(Fault::name);
        format!("{name} is no fault; there are {}", names.join(","))
    })
}
