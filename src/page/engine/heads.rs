//! The files of heads: small networks beside the one in use, each with its words.

use super::super::fault::Fault;
use super::super::platform::fetch;
use gradlens::catalog::models::HeadFiles;
use gradlens::error::Error;

/// A head's files, as fetched.
pub struct Head<W> {
    pub weights: Vec<u8>,
    pub words: W,
}

/// Fetches a head; also its file of words as text, for the page.
pub async fn fetch<W>(
    files: &HeadFiles,
    parse: impl Fn(&str) -> Result<W, Error>,
) -> Result<(Head<W>, String), Fault> {
    let text = fetch::text(&files.words).await?;
    let words = parse(&text)?;
    let weights = fetch::whole(&files.file).await?;
    Ok((Head { weights, words }, text))
}
