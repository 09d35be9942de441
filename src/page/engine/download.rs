//! Weights from wherever they are: this site, the copy in this browser, another host, the visitor's
//! disk.
//!
//! Bytes go into the digest, the copy and the GPU as they arrive, and nowhere else. What was cut
//! goes on where it was cut. Only a file with the right digest is returned; what had been uploaded
//! of any other is freed.

use super::super::fault::Fault;
use super::super::platform::fetch::{self, Abort, Body};
use super::super::platform::timer;
use super::super::platform::weights_cache::{self, CacheWriter};
use gradlens::catalog::models::Model;
use gradlens::checkpoint::Conventions;
use gradlens::error::Error;
use gradlens::gpu::Uploader;
use gradlens::models::{Loader, Weights};
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use web_sys::{File, Response};

/// How often in a row a host may fail before it is given up.
const TRIES: u32 = 4;

/// A download's surroundings.
pub struct Download<'a> {
    pub abort: &'a Abort,
    pub uploader: Uploader,
    pub reading: Reading,
    /// Called with bytes received and bytes in all (0 when unknown).
    pub progress: &'a dyn Fn(u64, u64),
}

/// How a checkpoint is read, where that was chosen.
#[derive(Clone, Default)]
pub struct Reading {
    /// Of a file that holds several networks: which one.
    pub choice: Option<String>,
    pub conventions: Option<Conventions>,
}

/// A file, and whether there is a copy of it in this browser.
pub struct Fetched {
    pub weights: Weights,
    pub cached: bool,
}

/// What has arrived of a file.
struct Reception {
    loader: Loader,
    digest: Sha256,
    received: u64,
    piece: Vec<u8>,
}

impl Reception {
    fn new(download: &Download<'_>, size: Option<u64>) -> Reception {
        let mut loader = Loader::new(download.uploader.clone(), size.map(|size| size as usize));
        if let Some(choice) = &download.reading.choice {
            loader.choose(choice);
        }
        if let Some(conventions) = download.reading.conventions {
            loader.set_conventions(conventions);
        }
        Reception { loader, digest: Sha256::new(), received: 0, piece: Vec::new() }
    }

    fn take(&mut self, bytes: &Uint8Array) -> Result<(), Error> {
        // Browsers hand over what they like, up to megabytes: never all of it at once.
        const PIECE: u32 = 128 << 10;
        for start in (0..bytes.length()).step_by(PIECE as usize) {
            let part = bytes.subarray(start, (start + PIECE).min(bytes.length()));
            self.piece.resize(part.length() as usize, 0);
            part.copy_to(&mut self.piece);
            self.digest.update(&self.piece);
            self.loader.push(&self.piece)?;
            self.received += self.piece.len() as u64;
        }
        Ok(())
    }

    /// The network, if the digest is the one that is wanted, and the digest.
    fn finish(self, address: &str, wanted: Option<&str>) -> Result<(Weights, String), Fault> {
        let digest: String =
            self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if wanted.is_some_and(|wanted| wanted != digest) {
            return Err(Fault::Altered { file: address.into() });
        }
        Ok((self.loader.finish()?, digest))
    }
}

impl Download<'_> {
    /// From this site or another host: `base` is the model's `file` or one of its `urls`. `None`:
    /// it is not there.
    pub async fn host(
        &self,
        model: &Model,
        base: &str,
        cache: bool,
    ) -> Result<Option<Fetched>, Fault> {
        let mut writer = None;
        let result = self.receive(model, base, cache, &mut writer).await;
        let cached = match (&result, writer) {
            (Ok(Some((_, digest))), Some(writer)) => writer.finish(model, digest).await,
            (_, Some(writer)) => writer.give_up().await,
            (_, None) => false,
        };
        Ok(result?.map(|(weights, _)| Fetched { weights, cached }))
    }

    async fn receive(
        &self,
        model: &Model,
        base: &str,
        cache: bool,
        writer: &mut Option<CacheWriter>,
    ) -> Result<Option<(Weights, String)>, Fault> {
        let mut reception: Option<Reception> = None;
        let mut failures = 0;
        loop {
            let received = reception.as_ref().map_or(0, |reception| reception.received);
            let (address, offset) = model.place(base, received);
            let cut = match self.open(model, &address, offset, &mut reception).await {
                // Nothing had begun: the next place is as good.
                Err(fault) if reception.is_none() => return Err(fault),
                Ok(None) if reception.is_none() => return Ok(None),
                Err(fault) => fault,
                Ok(None) => fetch::fault(&address, "HTTP 404"),
                Ok(Some((response, skip, size))) => {
                    let reception = reception.as_mut().expect("made when it was opened");
                    if cache && received == 0 {
                        *writer = CacheWriter::begin(model, size.unwrap_or(model.size)).await;
                    }
                    let end = self.read(&address, response, skip, size, reception, writer).await?;
                    if reception.received > received {
                        failures = 0;
                    }
                    match end {
                        Some(cut) => cut,
                        None if size.is_none_or(|size| reception.received >= size) => break,
                        None if model
                            .part_size
                            .is_some_and(|part| reception.received.is_multiple_of(part)) =>
                        {
                            continue;
                        }
                        None => fetch::fault(&address, format!("{} bytes", reception.received)),
                    }
                }
            };
            failures += 1;
            if failures > TRIES || self.abort.aborted() {
                return Err(cut);
            }
            timer::sleep(500 << failures).await;
        }
        let reception = reception.expect("the loop ends with a file");
        reception.finish(base, model.sha256.as_deref()).map(Some)
    }

    /// An answer, how much of it is to be passed over, and the file's bytes where they are known.
    async fn open(
        &self,
        model: &Model,
        address: &str,
        offset: u64,
        reception: &mut Option<Reception>,
    ) -> Result<Option<(Response, u64, Option<u64>)>, Fault> {
        let Some((response, skip)) = fetch::open_at(address, offset, self.abort).await? else {
            return Ok(None);
        };
        let announced =
            fetch::length(&response).filter(|_| offset == 0 && model.part_size.is_none());
        let size = model.exact_size().or(announced);
        reception.get_or_insert_with(|| Reception::new(self, size));
        Ok(Some((response, skip, size)))
    }

    /// Reads to the end of an answer. `Some`: it was cut, and why.
    async fn read(
        &self,
        address: &str,
        response: Response,
        mut skip: u64,
        size: Option<u64>,
        reception: &mut Reception,
        writer: &mut Option<CacheWriter>,
    ) -> Result<Option<Fault>, Fault> {
        let body = Body::of(address, response.body())?;
        loop {
            let bytes = match body.next().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Ok(None),
                Err(cut) => return Ok(Some(cut)),
            };
            let passed = skip.min(bytes.length().into()) as u32;
            skip -= u64::from(passed);
            let bytes = bytes.subarray(passed, bytes.length());
            if size.is_some_and(|size| reception.received + u64::from(bytes.length()) > size) {
                return Err(Fault::Altered { file: address.into() });
            }
            reception.take(&bytes)?;
            // A copy that can't go on is given up; the model goes on in memory.
            if let Some(open) = writer.take()
                && open.write(&bytes).await
            {
                *writer = Some(open);
            }
            (self.progress)(reception.received, size.unwrap_or(0));
            if self.abort.aborted() {
                return Ok(Some(fetch::fault(address, "")));
            }
        }
    }

    /// This browser's copy. One that is not what it should be is thrown away.
    pub async fn copy(&self, model: &Model) -> Option<Fetched> {
        let (response, digest) =
            (weights_cache::open(model).await?, weights_cache::digest(model).await?);
        let name = &model.id;
        let read = async {
            let mut reception = Reception::new(self, model.exact_size());
            match self
                .read(name, response, 0, model.exact_size(), &mut reception, &mut None)
                .await?
            {
                Some(cut) => Err(cut),
                None => reception.finish(name, Some(&digest)),
            }
        };
        match read.await {
            Ok((weights, _)) => Some(Fetched { weights, cached: true }),
            Err(_) => {
                if !self.abort.aborted() {
                    weights_cache::delete(model).await;
                }
                None
            }
        }
    }

    /// A file of the visitor's own.
    pub async fn file(&self, file: &File) -> Result<Weights, Fault> {
        let size = file.size() as u64;
        let mut reception = Reception::new(self, Some(size));
        let body = Body::of(&file.name(), Some(file.stream()))?;
        let unreadable = |fault| match fault {
            Fault::Fetch { file, detail } => Error::File { file, detail }.into(),
            other => other,
        };
        while let Some(bytes) = body.next().await.map_err(unreadable)? {
            reception.take(&bytes)?;
            (self.progress)(reception.received, size);
            if self.abort.aborted() {
                break;
            }
        }
        Ok(reception.loader.finish()?)
    }
}
