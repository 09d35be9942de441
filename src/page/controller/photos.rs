//! Photos: files, samples, what is on show.

use super::Controller;
use crate::engine::Attached;
use crate::engine::protocol::{Decode, Decoded, PhotoId, PhotoSource, Request};
use crate::fault::{Fault, Retry};
use crate::platform::dropped;
use crate::platform::own_files::OwnFile;
use crate::state::Picture;
use gradlens::catalog::models::Sample;
use leptos::prelude::*;
use std::sync::Arc;
use web_sys::File;

/// A photo that is being read.
pub struct Opening {
    photo: PhotoId,
    name: String,
    sample: Option<String>,
    /// Where it came from, if it is the visitor's.
    file: Option<File>,
}

impl Controller {
    /// Files chosen, dropped or pasted: each goes where its name says; what is neither weights nor
    /// labels is taken for a photo. Several photos are a pack.
    pub fn open_files(self, files: Vec<File>) {
        self.clear_small_failure();
        if files.is_empty() {
            self.fail(Fault::NothingDropped, Retry::None);
        }
        let (mut labels, mut photos) = (None, Vec::new());
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
                photos.push(file);
            }
        }
        match photos.len() {
            0 | 1 => photos.into_iter().for_each(|photo| self.open_photo(photo)),
            _ => self.open_pack(photos.into_iter().map(|one| (dropped::path(&one), one)).collect()),
        }
        if let Some(file) = labels {
            self.open_labels(file);
        }
    }

    pub(super) fn open_photo(self, file: File) {
        let source = PhotoSource::File(Attached(file.clone()));
        self.open(source, file.name(), None, Some(file));
    }

    pub fn open_sample(self, sample: &Sample) {
        let source = PhotoSource::Site(sample.file.clone());
        self.open(source, sample.id.clone(), Some(sample.id.clone()), None);
    }

    fn open(self, source: PhotoSource, name: String, sample: Option<String>, file: Option<File>) {
        self.clear_small_failure();
        let photo = self.next_photo();
        self.inner().opening.replace(Some(Opening { photo, name, sample, file }));
        self.state.decoding.set(true);
        self.send(Request::Decode(Decode { photo, source }));
    }

    pub(super) fn next_photo(self) -> PhotoId {
        let inner = self.inner();
        inner.photos.set(inner.photos.get() + 1);
        inner.photos.get()
    }

    /// What is being opened, if it is this photo.
    fn opened(self, photo: PhotoId) -> Option<Opening> {
        let opening = self.inner().opening.borrow_mut().take_if(|opening| opening.photo == photo);
        if opening.is_some() {
            self.state.decoding.set(false);
        }
        opening
    }

    pub(super) fn on_decoded(self, decoded: Decoded) {
        let Decoded { photo, width, height, shown } = decoded;
        let Some(Opening { name, sample, file, .. }) = self.opened(photo) else { return };
        self.stop_camera();
        self.save_settings();
        match file {
            Some(file) => self.use_own(OwnFile::Photo, file),
            None => self.drop_own(OwnFile::Photo),
        }
        let (size, shown) = ((width, height), Arc::new(shown));
        self.show(Picture { id: photo, name, sample, size, shown });
        self.add_to_tray();
    }

    pub(super) fn on_decode_failed(self, photo: PhotoId, fault: Fault) {
        if self.opened(photo).is_some() {
            self.fail(fault, Retry::None);
        }
    }

    pub(super) fn show(self, picture: Picture) {
        let state = self.state;
        state.explanation.set(None);
        state.ask.forget_answer();
        state.describe.forget();
        state.prediction.set(None);
        state.channels.set(None);
        state.class.set(None);
        self.set_picture(picture);
        self.restore_full_size();
        // After a device that failed over a large photo this one may be smaller.
        self.predict();
    }

    /// Puts a photo on show. The engine drops those that are neither on show nor in the tray.
    pub(super) fn set_picture(self, picture: Picture) {
        let tray = self.state.tray.with_untracked(|tray| {
            tray.iter().map(|photo| photo.picture.id).collect::<Vec<PhotoId>>()
        });
        self.send(Request::KeepPhotos([tray, vec![picture.id]].concat()));
        self.state.picture.set(Some(picture));
    }
}
