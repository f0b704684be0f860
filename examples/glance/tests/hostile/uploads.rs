//! Uploads that are slow, many, or larger than they may be.

use std::fs;
use std::path::Path;

use futures::future::join_all;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::program::Program;
use super::{answer, head, send, start, status};

const CHUNKED: &str = "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n";

/// Begins an upload of unknown length to an image.
async fn begin(program: &Program, token: &str, path: &str, more: &str) -> TcpStream {
    send(program.address, &head("PUT", path, token, &format!("{CHUNKED}{more}\r\n1\r\nx\r\n"))).await
}

async fn make(program: &Program, token: &str) -> String {
    let client = program.client_of(token);
    let answer = client.json(axum::http::Method::POST, "/v2/images", &serde_json::json!({})).await.unwrap();
    answer.json()["self"].as_str().unwrap().to_owned()
}

fn files(folder: &TempDir, area: &str) -> usize {
    folder.path().join("data").join(area).read_dir().unwrap().count()
}

fn bytes_in(folder: &Path) -> u64 {
    let sizes = fs::read_dir(folder).unwrap().filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()));
    sizes.sum()
}

/// Waits until an image has a status.
async fn until(program: &Program, path: &str, status: &str) {
    while program.client.get(path).await.unwrap().json()["status"] != status {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn slow_uploads_of_one_project_stop_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::with("memory:", folder.path(), &["--upload-timeout", "3600"]);
    let data = make(&program, "bob:p2:member").await;
    let bob = program.client_of("bob:p2:member");
    assert_eq!(bob.put_data(&format!("{data}/file"), "data").await.unwrap().status, 204);
    // More than there are threads for work that blocks.
    let paths = join_all((0..520).map(|_| program.make())).await;
    let (mut kept, mut others) = (Vec::new(), Vec::new());
    for path in &paths {
        let stream = begin(&program, "ann:p1:member", &format!("{path}/file"), "").await;
        if kept.len() < 16 {
            until(&program, path, "saving").await;
            kept.push((stream, path));
        } else {
            others.push(stream);
        }
    }
    for stream in others {
        let said = answer(stream).await;
        assert_eq!(status(&said), 503, "{said}");
        assert!(said.contains("for one project is 16") && said.contains("retry-after: 1\r\n"), "{said}");
    }
    assert!(program.is_well().await);
    assert_eq!(bob.get(&format!("{data}/file")).await.unwrap().text(), "data");
    let other = make(&program, "bob:p2:member").await;
    assert_eq!(bob.put_data(&format!("{other}/file"), "other").await.unwrap().status, 204);
    // Those that were let in go on, and make room.
    let (mut stream, path) = kept.pop().unwrap();
    stream.write_all(b"3\r\nyzz\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(status(&answer(stream).await), 204);
    assert_eq!(program.client.get(&format!("{path}/file")).await.unwrap().text(), "xyzz");
    assert_eq!(program.client.put_data(&format!("{}/file", paths[519]), "late").await.unwrap().status, 204);
}

#[tokio::test]
async fn an_upload_that_stops_is_cut_and_its_image_queued_again() {
    let (program, folder) = start(&["--upload-timeout", "1"]);
    for area in ["file", "stage"] {
        let path = program.make().await;
        let said = answer(begin(&program, "ann:p1:member", &format!("{path}/{area}"), "").await).await;
        assert_eq!(status(&said), 408, "{said}");
        assert!(said.contains("--upload-timeout"), "{said}");
        assert_eq!(program.client.get(&path).await.unwrap().json()["status"], "queued");
        assert_eq!((files(&folder, "incoming"), files(&folder, "staging"), files(&folder, "busy")), (0, 0, 0));
        assert_eq!(program.client.put_data(&format!("{path}/file"), "data").await.unwrap().status, 204);
    }
}

/// Sends chunks until the service has had enough, and gives the most bytes that were on the disk, and the answer.
async fn flood(folder: &TempDir, stream: TcpStream) -> (u64, String) {
    let (read, mut write) = stream.into_split();
    let chunk = [format!("{:x}\r\n", 1 << 16).into_bytes(), vec![b'x'; 1 << 16], b"\r\n".to_vec()].concat();
    let incoming = folder.path().join("data/incoming");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sending = tokio::spawn(async move {
        let mut most = 0;
        tokio::pin!(stopped);
        for _ in 0..2_000 {
            tokio::select! {
                sent = write.write_all(&chunk) => if sent.is_err() { break },
                _ = &mut stopped => break,
            }
            most = most.max(bytes_in(&incoming));
        }
        (most, write)
    });
    let said = async {
        let mut begin = vec![0; 4096];
        loop {
            read.readable().await.unwrap();
            match read.try_read(&mut begin) {
                Ok(n) => break String::from_utf8_lossy(&begin[..n]).into_owned(),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => break e.to_string(),
            }
        }
    }
    .await;
    drop(stop);
    (sending.await.unwrap().0, said)
}

#[tokio::test]
async fn an_upload_ends_at_the_first_byte_for_which_there_is_no_room() {
    const MIB: u64 = 1 << 20;
    let quota = ["--image-size-total", "5", "--image-stage-total", "3", "--body-timeout", "1"];
    let cap = ["--image-size-cap", "2000000", "--body-timeout", "1"];
    for (options, to, more, most, said, expected) in [
        (&quota[..], "file", "", 5 * MIB, "image_size_total is over limit of 5242880", 413),
        (&quota[..], "stage", "", 3 * MIB, "image_stage_total is over limit of 3145728", 413),
        (&quota[..], "file", "X-OpenStack-Image-Size: 1\r\n", 1, "1 bytes were announced", 400),
        (&cap[..], "file", "", 2_000_000, "Maximum: 2000000 (--image-size-cap)", 413),
        (&cap[..], "stage", "X-OpenStack-Image-Size: 3\r\n", 3, "3 bytes were announced", 400),
    ] {
        let (program, folder) = start(options);
        let path = program.make().await;
        let stream = begin(&program, "ann:p1:member", &format!("{path}/{to}"), more).await;
        let (written, answered) = flood(&folder, stream).await;
        assert!(written <= most, "{written} bytes were written, {most} are the most");
        until(&program, &path, "queued").await;
        // A client that sends on for ever may miss the answer, which is in the log.
        if status(&answered) != 0 {
            assert_eq!((status(&answered), answered.contains(said)), (expected, true), "{answered}");
        }
        let log = fs::read_to_string(&program.log).unwrap();
        assert!(log.contains(said), "{log}");
        assert_eq!(files(&folder, "incoming"), 0);
        assert_eq!(program.client.put_data(&format!("{path}/file"), "small").await.unwrap().status, 204);
    }
}

#[tokio::test]
async fn uploads_at_once_share_what_is_left_of_a_quota() {
    const MIB: u64 = 1 << 20;
    let (program, folder) = start(&["--image-size-total", "4", "--body-timeout", "1"]);
    let paths = join_all((0..6).map(|_| program.make())).await;
    let floods =
        join_all(paths.iter().map(async |path| {
            flood(&folder, begin(&program, "ann:p1:member", &format!("{path}/file"), "").await).await
        }));
    let most = floods.await.into_iter().map(|(most, _)| most).max();
    assert!(most <= Some(4 * MIB), "{most:?}");
    for path in &paths {
        until(&program, path, "queued").await;
    }
    assert_eq!(program.client.put_data(&format!("{}/file", paths[0]), vec![1; 4 << 20]).await.unwrap().status, 204);
}

#[tokio::test]
async fn what_is_announced_is_not_larger_than_an_image_may_be() {
    let (program, _folder) = start(&["--image-stage-total", "1000", "--body-timeout", "1"]);
    for size in ["9223372036854775807", "18446744073709551615", "1099511627777"] {
        let path = program.make().await;
        for to in ["file", "stage"] {
            let more = format!("X-OpenStack-Image-Size: {size}\r\n");
            let said = answer(begin(&program, "ann:p1:member", &format!("{path}/{to}"), &more).await).await;
            assert_eq!((status(&said), said.contains("(--image-size-cap)")), (413, true), "{said}");
        }
        assert_eq!(program.client.get(&path).await.unwrap().json()["status"], "queued");
    }
    let usage = program.client.get("/v2/info/usage").await.unwrap();
    assert_eq!(usage.status, 200, "{}", usage.text());
}
