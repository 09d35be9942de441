//! The maps of each entry of the table, and what is found of them, on several threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use gradlens::catalog::layer_summary::{main_layers_with_strides, one_layer_per_stride};
use gradlens::explain::LAST_LAYER;
use gradlens::explain::faithfulness::{Checks, NOISE, sparseness};
use gradlens::{
    Checkpoint, Error, Explainer, Explanation, Fit, Method, Network, Objective, Question,
};
use pollster::block_on;

use crate::pointing::{Scene, Verdict, picture};

/// At the last layer every method is measured, at these strides before it only
/// [`AT_EARLIER_LAYERS`].
const EARLIER_STRIDES: [usize; 2] = [16, 8];
const AT_EARLIER_LAYERS: [Method; 4] =
    [Method::GradCam, Method::HiResCam, Method::LayerCam, Method::RefineCam];
pub const LAST_STRIDE: usize = 32;
/// Pictures that a slow method sees at least.
const LEAST: usize = 2;
/// A third of the passes of the page's own check: the same for every method, and coarser.
const CHECKS: Checks = Checks { steps: 5, percentiles: &[25, 50, 75], noise: NOISE };
/// What Ablation-CAM takes at the last layer, where only the classifier is run again for each
/// channel, in passes: measured.
const ABLATION: usize = 14;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The layer, by how many pixels lie between two of its positions: the same in every network.
    pub stride: usize,
    /// None: heat in the middle of the picture, whatever it shows. Photographers put things there,
    /// so a method has to be better than that.
    pub method: Option<Method>,
}

impl Entry {
    /// The quick ones first.
    pub fn all() -> Vec<Entry> {
        let of_methods = |slow: bool| {
            Method::ALL.into_iter().filter(move |method| method.is_slow() == slow).map(Some)
        };
        let last = std::iter::once(None).chain(of_methods(false));
        let at = |stride| move |method| Entry { stride, method };
        let earlier = EARLIER_STRIDES
            .into_iter()
            .flat_map(|stride| AT_EARLIER_LAYERS.map(Some).map(at(stride)));
        let slow = of_methods(true).map(at(LAST_STRIDE));
        last.map(at(LAST_STRIDE)).chain(earlier).chain(slow).collect()
    }

    /// Whether it sees as many pictures as [`Plan::passes`] allows, and not all.
    pub fn is_slow(&self) -> bool {
        self.method.is_some_and(Method::is_slow)
    }

    fn question(&self, class: usize, layers: &[(String, usize)], channels: usize) -> Question {
        let method = self.method.unwrap_or_default();
        let earlier = layers.iter().find(|(_, stride)| *stride == self.stride);
        let layer = match self.stride {
            LAST_STRIDE => LAST_LAYER.to_owned(),
            _ => earlier.map(|(name, _)| name.clone()).unwrap_or_default(),
        };
        // Of a logit ShapleyCAM is Grad-CAM; RISE's authors weigh masks by the probability;
        // Ablation-CAM divides by the score, which would turn its map over where a logit is below 0.
        let objective = match method {
            Method::ShapleyCam | Method::Rise | Method::AblationCam => Objective::Probability,
            _ => Objective::Logit,
        };
        let channels = method.masks_the_photo().then_some(channels);
        Question {
            class: Some(class),
            objective,
            layers: vec![layer],
            method,
            channels,
            ..Default::default()
        }
    }
}

/// How measuring is done.
pub struct Plan<'a> {
    pub weights: &'a Path,
    pub threads: usize,
    /// Of a method over all pictures, at most.
    pub passes: usize,
    /// That Score-CAM and its like try.
    pub channels: usize,
}

/// What was found on a scene, of both objects' maps; None of an entry that did not see it.
pub type OnScene = Option<[Verdict; 2]>;

/// What was found of a map of a photo's likeliest class.
#[derive(Clone, Copy)]
pub struct OnPhoto {
    /// Areas under the curves of deletion and insertion, ROAD, and the map's sparseness; none of a
    /// blank map.
    pub found: Option<[f64; 4]>,
    /// The processor's time for the map, and for a forward pass of this photo.
    pub seconds: f64,
    pub forward: f64,
}

/// Of each scene what each entry came to, and whether both classes are among the best five.
pub fn scenes(
    plan: &Plan,
    folder: &Path,
    scenes: &[Scene],
    entries: &[Entry],
) -> Result<Vec<(Vec<OnScene>, bool)>, String> {
    let first = scenes.first().ok_or("There are no such scenes.")?;
    let limits = plan.limits(entries, &folder.join(&first.file), first.objects.len())?;
    plan.on_each(scenes.len().min(most(&limits)), "scene", |explainer, n| {
        let scene = &scenes[n];
        let mask = scene.mask(folder)?;
        let photo = picture(&folder.join(&scene.file))?;
        let prediction = block_on(explainer.predict(&photo, Fit::Whole)).map_err(words)?;
        if mask.len() != prediction.height * prediction.width {
            return Err(format!("{}: its mask has another size", scene.file));
        }
        let mut verdicts = Vec::new();
        for (entry, &limit) in entries.iter().zip(&limits) {
            let mut of_both = [Verdict::default(); 2];
            for (object, verdict) in of_both.iter_mut().enumerate().filter(|_| n < limit) {
                let map = plan.map(explainer, entry, scene.objects[object].class)?;
                *verdict = scene.judge(&map, &mask, object);
            }
            verdicts.push((n < limit).then_some(of_both));
        }
        Ok((verdicts, scene.both_named(&prediction)))
    })
}

fn most(limits: &[usize]) -> usize {
    limits.iter().copied().max().unwrap_or_default()
}

/// Every photo of the folders, by name.
pub fn photo_files(folders: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for folder in folders {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        let mut found = Vec::new();
        for file in std::fs::read_dir(folder).map_err(wrong)? {
            let path = file.map_err(wrong)?.path();
            let known = |extension: &std::ffi::OsStr| extension == "jpg" || extension == "png";
            found.extend(path.extension().is_some_and(known).then_some(path));
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// Of each photo what the entry came to.
pub fn photos(plan: &Plan, files: &[PathBuf], entry: &Entry) -> Result<Vec<OnPhoto>, String> {
    let first = files.first().ok_or("There are no photos.")?;
    let limit = plan.limits(std::slice::from_ref(entry), first, 1)?[0];
    plan.on_each(files.len().min(limit), "photo", |explainer, n| {
        let photo = picture(&files[n])?;
        let prediction = block_on(explainer.predict(&photo, Fit::Crop)).map_err(words)?;
        let class = prediction.top(1)[0].class;
        let started = seconds();
        let (height, width) = (prediction.height, prediction.width);
        block_on(explainer.logits_of(&prediction.input, height, width)).map_err(words)?;
        let forward = seconds() - started;
        if !entry.is_slow() {
            plan.map(explainer, entry, class)?; // what is made once takes no part in the time
        }
        let started = seconds();
        let map = plan.map(explainer, entry, class)?;
        let seconds = seconds() - started;
        let trust = block_on(explainer.trust_by(&map, CHECKS, &mut |_, _| true)).map_err(words)?;
        let found = trust.map(|trust| {
            let areas = [trust.deletion.area(), trust.insertion.area()];
            [areas[0], areas[1], trust.road(), sparseness(&map.heatmap)].map(f64::from)
        });
        Ok(OnPhoto { found, seconds, forward })
    })
}

impl Plan<'_> {
    fn open(&self) -> Result<Explainer, String> {
        let read = std::fs::read(self.weights);
        let bytes = read.map_err(|error| format!("{}: {error}", self.weights.display()))?;
        let network = Network::from_checkpoint(&Checkpoint::read(bytes).map_err(words)?);
        let mut explainer = Explainer::on_cpu();
        block_on(explainer.load(&network.map_err(words)?, Default::default())).map_err(words)?;
        Ok(explainer)
    }

    /// How many pictures each entry sees, with `maps` maps of each.
    fn limits(&self, entries: &[Entry], first: &Path, maps: usize) -> Result<Vec<usize>, String> {
        let mut explainer = self.open()?;
        block_on(explainer.predict(&picture(first)?, Fit::Whole)).map_err(words)?;
        let mut limit = |entry: &Entry| {
            let Some(method) = entry.method.filter(|method| method.is_slow()) else {
                return Ok(usize::MAX);
            };
            let question = entry.question(0, &[], self.channels);
            let passes = block_on(explainer.estimate(&question)).map_err(words)?.passes;
            let each = match method {
                Method::AblationCam => ABLATION,
                // A pass to the input and back takes about three.
                Method::SmoothGrad | Method::IntegratedGradients => 3 * passes,
                _ => passes,
            };
            Ok((self.passes / (each * maps)).max(LEAST))
        };
        entries.iter().map(&mut limit).collect()
    }

    /// The map of a class of the last photo.
    fn map(
        &self,
        explainer: &mut Explainer,
        entry: &Entry,
        class: usize,
    ) -> Result<Explanation, String> {
        let architecture = explainer.architecture().ok_or("There is no network.")?;
        let layers = one_layer_per_stride(&main_layers_with_strides(architecture));
        let question = entry.question(class, &layers, self.channels);
        let map = block_on(explainer.ask(&question, &mut |_, _| true)).map_err(words)?;
        let mut map = map.ok_or("A method was stopped.")?;
        if entry.method.is_none() {
            (map.heatmap, map.blank) = (middle(map.height, map.width), false);
        }
        Ok(map)
    }

    /// What `work` returns for each of `count` pictures, in their order.
    fn on_each<T: Send>(
        &self,
        count: usize,
        what: &str,
        work: impl Fn(&mut Explainer, usize) -> Result<T, String> + Sync,
    ) -> Result<Vec<T>, String> {
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut explainer = self.open()?;
            let mut found = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok::<_, String>(found);
                }
                eprint!("\r{what} {} of {count}  ", n + 1);
                found.push((n, work(&mut explainer, n)?));
            }
        };
        let mut found = Vec::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(worker)).collect();
            for thread in threads {
                found.extend(thread.join().map_err(|_| "A thread failed.")??);
            }
            Ok::<_, String>(())
        })?;
        eprint!("\r");
        found.sort_by_key(|(n, _)| *n);
        Ok(found.into_iter().map(|(_, result)| result).collect())
    }
}

/// Of the processor's time that this thread took so far: other programs take no part in it.
#[cfg(unix)]
fn seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Since the first call.
#[cfg(not(unix))]
fn seconds() -> f64 {
    static FIRST: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    FIRST.elapsed().as_secs_f64()
}

/// [height, width]: a hill as wide as half of the picture.
fn middle(height: usize, width: usize) -> Vec<f32> {
    let along = |at: usize, of: usize| {
        let from_middle = ((at as f32 + 0.5) / of as f32 - 0.5) / 0.25; // standard deviations
        (-0.5 * from_middle * from_middle).exp()
    };
    (0..height * width).map(|at| along(at / width, height) * along(at % width, width)).collect()
}

fn words(error: Error) -> String {
    error.to_string()
}
