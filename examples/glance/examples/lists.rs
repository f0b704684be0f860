//! How many lists of images the service answers in a second, in a small and in a large database.
//!
//! ```console
//! $ cargo run --release -p glance --example lists -- 10000 100000
//! $ cargo run --release -p glance --example lists -- --only property 10000 100000
//! ```
//!
//! For each number it starts a service on an embedded store with that many images: each active, with 3 properties and 2 tags, of one
//! of 100 projects, one in ten public. 16 clients ask over HTTP, each on a connection that it keeps, for pages of 25.
//! The services take turns, slot by slot, and the medians of five rounds are told, with the last as a share of the first.

#![recursion_limit = "256"]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;
use futures::{StreamExt, TryStreamExt, future, stream};
use glance::config::Config;
use glance::db::{Context, ImageStatus, ImageValues, Visibility, image_create, open};
use glance::service::{self, Running};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Done<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How many clients ask at once.
const CLIENTS: usize = 16;
/// The rounds of which medians are taken, and how long one of them asks a service for one list.
const ROUNDS: usize = 5;
const SLOT: Duration = Duration::from_millis(300);
/// How many projects own the images.
const PROJECTS: u64 = 100;

/// What is asked for, with `MARKER` for the id of an image in the middle.
const LISTS: [(&str, &str); 8] = [
    ("newest", ""),
    ("after a marker", "&marker=MARKER"),
    ("by name", "&sort=name:asc"),
    ("by name after a marker", "&sort=name:asc&marker=MARKER"),
    ("public ones", "&visibility=public"),
    ("by a property of a third of them", "&os_distro=debian"),
    ("by a property of one of them", "&build=2026-000777"),
    ("by a tag of one in five", "&tag=team-2"),
];

/// A service with many images.
struct Service {
    images: u64,
    running: Running,
    marker: String,
    _folder: tempfile::TempDir,
}

#[tokio::main]
async fn main() -> Done {
    let (mut numbers, mut only) = (Vec::new(), String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => only = arguments.next().ok_or("--only needs a part of a name")?,
            number => numbers.push(number.parse()?),
        }
    }
    if numbers.is_empty() {
        numbers = vec![10_000, 100_000];
    }
    let mut services = Vec::new();
    for number in numbers {
        services.push(serve(number).await?);
    }
    print!("| lists a second |");
    services.iter().for_each(|service| print!(" {} images |", service.images));
    println!(" last / first |\n|---|{}---:|", "---:|".repeat(services.len()));
    for (name, query) in LISTS.iter().filter(|(name, _)| name.contains(&only)) {
        let mut rates = vec![Vec::new(); services.len()];
        for _ in 0..ROUNDS {
            for (service, rates) in services.iter().zip(&mut rates) {
                rates.push(rate(service, query).await?);
            }
        }
        let medians: Vec<f64> = rates.into_iter().map(median).collect();
        print!("| {name} |");
        medians.iter().for_each(|rate| print!(" {rate:.0} |"));
        let (first, last) = (medians.first().unwrap_or(&0.0), medians.last().unwrap_or(&0.0));
        println!(" {:.2} |", last / first);
    }
    for service in services {
        service.running.stop().await;
    }
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

async fn serve(images: u64) -> Done<Service> {
    let folder = tempfile::tempdir()?;
    let store = format!("embedded:{}", folder.path().join("glance.rome").display());
    let begun = Instant::now();
    let ids: Vec<String> = {
        let db = &open(&store).await?;
        let all = stream::iter(0..images).map(async |n| image_create(db, &Context::admin(), &image(n)).await);
        all.buffered(64).map_ok(|record| record.image.id.to_string()).try_collect().await?
    };
    let marker = ids.get(ids.len() / 200 * 100 + 3).cloned().ok_or("a service needs some images")?;
    eprintln!("{images} images after {:.1} s", begun.elapsed().as_secs_f64());
    let running = service::start(Config::local(&store, folder.path().join("data"))).await?;
    Ok(Service { images, running, marker, _folder: folder })
}

/// The values of an image.
fn image(number: u64) -> ImageValues {
    let property = |name: &str, value: String| (name.to_owned(), Some(value));
    ImageValues {
        name: Some(Some(format!("image-{:06}", number * 7919 % 1_000_003))),
        status: Some(ImageStatus::Active),
        owner: Some(Some(format!("project-{}", number % PROJECTS))),
        visibility: number.is_multiple_of(10).then_some(Visibility::Public),
        disk_format: Some(Some("qcow2".to_owned())),
        container_format: Some(Some("bare".to_owned())),
        size: Some(Some((number * 7919 % 20_000_000) as i64 * 1000)),
        properties: Some(vec![
            property("architecture", "x86_64".to_owned()),
            property("os_distro", ["ubuntu", "debian", "fedora"][(number % 3) as usize].to_owned()),
            property("build", format!("2026-{number:06}")),
        ]),
        tags: Some(vec!["server".to_owned(), format!("team-{}", number / 100 % 5)]),
        ..ImageValues::default()
    }
}

/// How many lists all clients get in a second.
async fn rate(service: &Service, query: &str) -> Done<f64> {
    let path = format!("/v2/images?limit=25{}", query.replace("MARKER", &service.marker));
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|_| tokio::spawn(client(service.running.address(), path.clone(), begun)));
    let mut lists = 0;
    for done in future::join_all(clients).await {
        lists += done??;
    }
    Ok(f64::from(lists) / begun.elapsed().as_secs_f64())
}

/// Asks again and again until the slot is over; says how often.
async fn client(address: SocketAddr, path: String, begun: Instant) -> Done<u32> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut lists = 0;
    while lists == 0 || begun.elapsed() < SLOT {
        ask(&mut sender, address, &path).await?;
        lists += 1;
    }
    drop(sender);
    connection.await??;
    Ok(lists)
}

async fn ask(sender: &mut SendRequest<Body>, address: SocketAddr, path: &str) -> Done {
    let request = Request::get(path).header(HOST, address.to_string()).header("x-auth-token", "ann:project-3:member");
    let response = sender.send_request(request.body(Body::empty())?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status != 200 || !body.starts_with(b"{") {
        return Err(format!("{path} answered {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(())
}
