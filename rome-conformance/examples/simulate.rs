//! Runs the simulation: `simulate [--seed N] [--runs N] [--partitions N] [--survival acknowledged|prefix] [--actions N]
//! [--trace]`. A seed that fails is printed with the command that repeats it.

use std::process::ExitCode;
use std::time::Instant;

use rome_conformance::simulation::{Simulation, Survival, run_many};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match simulate(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn simulate(arguments: &[String]) -> Result<bool, String> {
    let mut simulation = Simulation::new();
    let (mut seed, mut runs, mut trace) = (0, 1, false);
    // What a repetition needs besides the seed.
    let mut again = String::new();
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        if name == "--trace" {
            trace = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{name} needs a value, or is not known"))?;
        let number = || value.parse::<u32>().map_err(|error| format!("{name} {value}: {error}"));
        match name.as_str() {
            "--seed" => seed = value.parse().map_err(|error| format!("{name} {value}: {error}"))?,
            "--runs" => runs = number()?.into(),
            "--partitions" => simulation = simulation.partitions(number()?),
            "--actions" => simulation = simulation.actions(number()?),
            "--survival" if value == "acknowledged" => simulation = simulation.survival(Survival::Acknowledged),
            "--survival" if value == "prefix" => simulation = simulation.survival(Survival::Prefix),
            _ => return Err(format!("{name} {value} is not known")),
        }
        if name != "--seed" && name != "--runs" {
            again += &format!(" {name} {value}");
        }
    }
    if trace {
        let run = simulation.keep_trace().run(seed);
        run.trace.iter().for_each(|line| println!("{line}"));
        run.violations.iter().for_each(|violation| println!("{violation}"));
        println!("{}\ndigest {:016x}", run.figures, run.digest);
        return Ok(run.violations.is_empty());
    }
    let began = Instant::now();
    let (figures, failed) = run_many(&simulation, seed, runs);
    println!("{figures}; {:.1} s", began.elapsed().as_secs_f64());
    let Some(failed) = failed else { return Ok(true) };
    println!("seed {} fails:", failed.seed);
    failed.violations.iter().take(5).for_each(|violation| println!("  {violation}"));
    println!("again: cargo run -p rome-conformance --example simulate --{again} --seed {} --trace", failed.seed);
    Ok(false)
}
