//! Requests that clients lose while instances restart one after the other.

mod balancer;
mod clients;
mod instance;
mod servers;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use crate::stats::{median, short, table};
use balancer::{BALANCERS, Balancer};
use clients::Clients;
use instance::{Instance, Port};

pub use servers::child;

const INSTANCES: usize = 3;
const RESTARTS: usize = 100;

/// Two of three instances serve again before the next one stops.
const BETWEEN_RESTARTS: Duration = Duration::from_millis(500);

/// What one contender lost behind one balancer.
struct Outcome {
    contender: &'static str,
    balancer: &'static str,
    requests: usize,
    /// How they were lost, and how many.
    lost: BTreeMap<String, usize>,
    statuses: BTreeMap<String, usize>,
    /// From SIGTERM to the exit, in milliseconds.
    exits: Vec<f64>,
}

/// Takes a number of restarts and names of contenders and balancers. Without names it runs all.
pub fn print(arguments: &[&str]) {
    let (numbers, names): (Vec<&str>, _) =
        arguments.iter().partition(|argument| argument.parse::<usize>().is_ok());
    let restarts = numbers.last().map_or(RESTARTS, |number| number.parse().expect("a number"));
    let contenders = chosen(servers::CONTENDERS.iter().map(|(name, _)| *name), &names);
    let balancers = chosen(BALANCERS.iter().map(|(name, _)| *name), &names);
    let known = |name: &&str| contenders.contains(name) || balancers.contains(name);
    assert!(names.iter().all(known), "choose from {contenders:?} and {balancers:?}");

    let mut outcomes = Vec::new();
    for balancer in &balancers {
        if let Some(missing) = balancer::missing(balancer) {
            eprintln!("skipped: {balancer}, because {missing}");
            continue;
        }
        for contender in &contenders {
            let outcome = run(contender, balancer, restarts);
            let lost = outcome.lost();
            eprintln!("{contender}, {balancer}: {lost} of {} lost", outcome.requests);
            outcomes.push(outcome);
        }
    }
    let name = format!("Lost requests in {restarts} rolling restarts");
    let find = |contender, balancer| {
        let is =
            |outcome: &&Outcome| outcome.contender == contender && outcome.balancer == balancer;
        outcomes.iter().find(is).map_or("–".into(), |outcome| outcome.lost().to_string())
    };
    let head: Vec<&str> = std::iter::once("lost requests").chain(balancers.clone()).collect();
    let row = |contender: &&'static str| {
        let lost = balancers.iter().map(|balancer| find(*contender, *balancer));
        std::iter::once((*contender).to_owned()).chain(lost).collect()
    };
    table(&name, &head, &contenders.iter().map(row).collect::<Vec<_>>());
    let head = [
        "contender",
        "balancer",
        "requests",
        "lost",
        "exit status",
        "SIGTERM → exit, ms",
        "longest",
        "how they were lost",
    ];
    table("The restarts", &head, &outcomes.iter().map(Outcome::row).collect::<Vec<_>>());
}

/// Those that are named, or all if none is.
fn chosen(all: impl Iterator<Item = &'static str> + Clone, names: &[&str]) -> Vec<&'static str> {
    let named: Vec<_> = all.clone().filter(|name| names.contains(name)).collect();
    if named.is_empty() { all.collect() } else { named }
}

fn run(contender: &'static str, balancer: &'static str, restarts: usize) -> Outcome {
    let ports: Vec<Port> = (0..INSTANCES).map(|_| Port::reserve()).collect();
    let numbers: Vec<u16> = ports.iter().map(Port::number).collect();
    let start = |port: u16| Instance::start(contender, port);
    let mut instances: Vec<Instance> = numbers.iter().map(|port| start(*port)).collect();
    let front = Balancer::start(balancer, &numbers);
    let clients = match &front {
        Some(front) => Clients::start(vec![front.port()], false),
        None => Clients::start(numbers.clone(), true),
    };
    let (mut statuses, mut exits) = (BTreeMap::new(), Vec::new());
    for restart in 0..restarts {
        sleep(BETWEEN_RESTARTS + Duration::from_millis(restart as u64 * 37 % 100));
        let instance = &mut instances[restart % INSTANCES];
        let (status, time) = instance.stop();
        *statuses.entry(status).or_default() += 1;
        exits.push(time.as_secs_f64() * 1000.0);
        *instance = start(numbers[restart % INSTANCES]);
    }
    sleep(BETWEEN_RESTARTS);
    let (requests, lost) = clients.stop();
    Outcome { contender, balancer, requests, lost, statuses, exits }
}

impl Outcome {
    fn lost(&self) -> usize {
        self.lost.values().sum()
    }

    fn row(&self) -> Vec<String> {
        let list = |counts: &BTreeMap<String, usize>| {
            let counts: Vec<_> =
                counts.iter().map(|(what, count)| format!("{count} × {what}")).collect();
            counts.join(", ")
        };
        let mut exits = self.exits.clone();
        vec![
            self.contender.into(),
            self.balancer.into(),
            self.requests.to_string(),
            self.lost().to_string(),
            list(&self.statuses),
            short(median(&mut exits)),
            short(exits.last().copied().unwrap_or(f64::NAN)),
            list(&self.lost),
        ]
    }
}
