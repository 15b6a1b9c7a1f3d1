//! What the API keys of all organisations take in the memory of a gateway.
//! The rule: a process of its own holds them, in a gateway's table and with its allocator, so nothing else is counted.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use access::{ApiKeys, PublishedKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{ApiKeyId, Clock, OrganisationId};

use crate::Failure;
use crate::processes::resident_mib;

/// How long the allocator has to give back what the table outgrew.
const SETTLING: Duration = Duration::from_millis(1_500);
/// The length of a large body, bytes.
const BODY: usize = 1 << 20;

/// Starts this program again to hold so many keys; the MiB that they take there.
pub(crate) async fn memory(count: u32) -> Result<f64, Failure> {
    // Not by its path: a build may have put another program there meanwhile.
    let holder = tokio::process::Command::new("/proc/self/exe").arg(format!("--hold-api-keys={count}")).output();
    let output = holder.await?;
    if !output.status.success() {
        return Err(format!("holding API keys failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Fills a table with keys of one network each and prints by how many MiB this process has grown.
pub(crate) fn hold(count: u32) -> Result<(), Failure> {
    let pid = i32::try_from(std::process::id())?;
    let resident = || resident_mib(pid).ok_or("the resident memory of this process is not known");
    let (keys, before) = (ApiKeys::new(), resident()?);
    let mut last = published(0);
    keys.apply(&last)?;
    for number in 1..count {
        last = published(number);
        keys.apply(&last)?;
    }
    // The allocator gives back the smaller tables of before in its own time, and only while it is asked for large
    // pieces, as a gateway asks for bodies.
    let (mut settled, end) = (resident()?, Instant::now() + SETTLING);
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
        drop(std::hint::black_box(Vec::<u8>::with_capacity(BODY)));
        settled = settled.min(resident()?);
    }
    // Used after it was measured, so it was whole until then.
    keys.check(last.key, Some(address(count.saturating_sub(1))), Clock::now())?;
    println!("{:.3}", settled - before);
    Ok(())
}

/// One network for each, so that no two keys share what is kept.
fn published(number: u32) -> PublishedKey {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    PublishedKey {
        key: ApiKeyId::new(),
        organisation: OrganisationId::new(),
        hash: URL_SAFE_NO_PAD.encode(hash),
        permissions: ["product:read", "stock:read", "order:read"].map(str::to_owned).to_vec(),
        networks: vec![format!("{}/32", address(number))],
        expires_at: None,
        revoked: false,
    }
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number))
}
