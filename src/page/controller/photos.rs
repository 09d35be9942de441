//! Photos: files, samples, what is on show.

use super::Controller;
use crate::catalog::models::Sample;
use crate::error::Error;
use crate::image::{Photo, left_to_the_browser};
use crate::page::fault::{Fault, Retry};
use crate::page::platform::own_files::OwnFile;
use crate::page::platform::{canvas, fetch, timer};
use crate::page::state::Picture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use web_sys::File;

impl Controller {
    /// Files chosen, dropped or pasted: each goes where its name says; what is neither weights nor
    /// labels is taken for a photo.
    pub fn open_files(self, files: Vec<File>) {
        self.clear_small_failure();
        if files.is_empty() {
            self.fail(Fault::NothingDropped, Retry::None);
        }
        let mut labels = None;
        for file in files {
            let name = file.name().to_lowercase();
            let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
            // Some of them only to be named: other programs' files.
            if ends(&[
                ".safetensors",
                ".pt",
                ".pth",
                ".ckpt",
                ".bin",
                ".pkl",
                ".onnx",
                ".h5",
                ".keras",
                ".tflite",
                ".pb",
            ]) {
                self.open_weights(file);
            } else if ends(&[".txt", ".json"]) {
                labels = Some(file);
            } else {
                self.open_photo(file);
            }
        }
        if let Some(file) = labels {
            self.open_labels(file);
        }
    }

    pub(super) fn open_photo(self, file: File) {
        let bytes = {
            let file = file.clone();
            async move { fetch::file(&file).await }
        };
        self.open(file.name(), None, Some(file), bytes);
    }

    pub fn open_sample(self, sample: &Sample) {
        let file = sample.file.clone();
        self.open(sample.id.clone(), Some(sample.id.clone()), None, async move {
            fetch::whole(&file).await
        });
    }

    fn open(
        self,
        name: String,
        sample: Option<String>,
        file: Option<File>,
        bytes: impl Future<Output = Result<Vec<u8>, Fault>> + 'static,
    ) {
        self.clear_small_failure();
        let inner = self.inner();
        let turn = inner.photos.get() + 1;
        inner.photos.set(turn);
        self.state.decoding.set(true);
        spawn_local(async move {
            let photo = async { Ok::<_, Fault>(decode(&bytes.await?).await?) }.await;
            if inner.photos.get() != turn {
                return;
            }
            self.state.decoding.set(false);
            match photo {
                Err(fault) => self.fail(fault, Retry::None),
                Ok(photo) => {
                    self.stop_camera();
                    self.save_settings();
                    match file {
                        Some(file) => self.use_own(OwnFile::Photo, file),
                        None => self.drop_own(OwnFile::Photo),
                    }
                    self.show(self.new_picture(name, sample, photo));
                    self.add_to_tray();
                }
            }
        });
    }

    pub(super) fn new_picture(
        &self,
        name: String,
        sample: Option<String>,
        photo: Photo,
    ) -> Picture {
        let inner = self.inner();
        inner.pictures.set(inner.pictures.get() + 1);
        let shown = Arc::new(photo.shrunk(canvas::SHOWN));
        Picture { id: inner.pictures.get(), name, sample, full: Arc::new(photo), shown }
    }

    pub(super) fn show(self, picture: Picture) {
        let state = self.state;
        state.explanation.set(None);
        state.prediction.set(None);
        state.channels.set(None);
        state.class.set(None);
        state.picture.set(Some(picture));
        self.restore_full_size();
        // After a device that failed over a large photo this one may be smaller.
        self.predict();
    }
}

async fn decode(bytes: &[u8]) -> Result<Photo, Error> {
    timer::yield_to_browser().await;
    match left_to_the_browser(bytes)? {
        true => canvas::decoded_by_the_browser(bytes).await,
        false => Photo::decode(bytes),
    }
}
