//! Files that arrive piece by piece and go to the GPU a tensor at a time: the same network, and
//! little memory on the way.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradlens::checkpoint::{Dtype, convert};
use gradlens::{Checkpoint, Error, Explainer, Fit, Loader, Method, Network, Photo, Preprocessing};
use pollster::block_on;

mod common;
use common::golden_weights::{checkpoint_bytes, random_checkpoint, state_dict, to_safetensors};
use common::random::Random;
use common::torch_file::to_torch_file;

/// Counts what this process holds on the heap; the adapter's own memory is the driver's and not in
/// it.
struct Counting;
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: they count one heap.
static ALONE: Mutex<()> = Mutex::new(());

/// The most bytes that `work` held at once, beyond what was held before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = work();
    (result, PEAK.load(Ordering::Relaxed) - before)
}

fn explainer() -> Explainer {
    block_on(Explainer::new())
        .expect("the tests need a Vulkan, Metal or DX12 driver; Mesa's lavapipe will do")
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name);
    std::fs::read(path).unwrap()
}

fn load(
    explainer: &mut Explainer,
    file: &[u8],
    piece: usize,
    size: Option<usize>,
) -> Result<(), Error> {
    let mut loader = explainer.loader(size);
    file.chunks(piece).try_for_each(|piece| loader.push(piece))?;
    let weights = loader.finish()?;
    explainer.install(weights, Preprocessing::default())
}

fn logits(explainer: &mut Explainer, side: usize) -> Vec<f32> {
    let input = Random::new(3).values(3 * side * side, false);
    block_on(explainer.logits_of(&input, side, side)).unwrap()
}

/// The bound that the page states: 1.3 times the largest tensor, for the file of the real size. And
/// the very same logits.
#[test]
fn a_whole_resnet50_goes_up_in_little_memory() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let file = checkpoint_bytes(Dtype::F32);
    assert!(file.len() > 102_400_000);
    let largest = 512 * 512 * 9 * 4;
    let mut explainer = explainer();
    let (loaded, bytes) = peak(|| load(&mut explainer, &file, 64 << 10, Some(file.len())));
    loaded.unwrap();
    println!(
        "{bytes} bytes held at most, {:.2} times the largest tensor",
        bytes as f64 / largest as f64
    );
    assert!(bytes as f64 <= 1.3 * largest as f64, "{bytes} bytes");

    let streamed = logits(&mut explainer, 64);
    let whole = Network::from_checkpoint(&Checkpoint::read(file).unwrap()).unwrap();
    block_on(explainer.load(&whole, Preprocessing::default())).unwrap();
    assert!(streamed == logits(&mut explainer, 64));
}

/// PyTorch's format at the real size: its directory stands at its end, so the file is held, once,
/// and no copy of it.
#[test]
fn a_whole_torch_file_is_held_once() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let state = state_dict();
    let file = to_torch_file(&state);
    if let Ok(path) = std::env::var("KEEP_TORCH_FILE") {
        std::fs::write(path, &file).unwrap();
    }
    let largest = 512 * 512 * 9 * 4;
    let mut explainer = explainer();
    let (loaded, bytes) = peak(|| load(&mut explainer, &file, 64 << 10, Some(file.len())));
    loaded.unwrap();
    println!("{bytes} bytes held at most, for a file of {}", file.len());
    assert!(bytes as f64 <= file.len() as f64 + 0.3 * largest as f64, "{bytes} bytes");
    let found = logits(&mut explainer, 64);
    load(&mut explainer, &to_safetensors(&state, Dtype::F32), 1 << 20, None).unwrap();
    assert!(found == logits(&mut explainer, 64));
}

/// Pieces of any size, formats and types of every kind: what `Checkpoint::read` and
/// `Explainer::load` give.
#[test]
fn pieces_make_the_same_network() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let mut explainer = explainer();
    for name in [
        "basic.safetensors",
        "basic.pt",
        "bottleneck_bf16.safetensors",
        "bottleneck_f16.safetensors",
        "bottleneck_f64.pt",
        "bottleneck_strided.pt",
        "bottleneck_legacy.pt",
        "hugging_face.safetensors",
        "resnext.safetensors",
        "training.pth",
        "wide.safetensors",
    ] {
        let file = fixture(name);
        let network = Network::from_checkpoint(&Checkpoint::read(file.clone()).unwrap()).unwrap();
        block_on(explainer.load(&network, Preprocessing::default())).unwrap();
        let expected = logits(&mut explainer, 40);
        for (piece, size) in
            [(1, None), (7, Some(file.len())), (4096, None), (file.len(), Some(file.len()))]
        {
            load(&mut explainer, &file, piece, size)
                .unwrap_or_else(|error| panic!("{name} by {piece}: {error}"));
            assert!(expected == logits(&mut explainer, 40), "{name} by {piece}");
            assert_eq!(explainer.architecture(), Some(&network.architecture), "{name}");
        }
    }
}

/// A file cut anywhere, or with a byte too many, is no model, and the former one goes on.
#[test]
fn a_file_that_is_cut_is_refused_and_the_former_network_stays() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let mut explainer = explainer();
    let shape = common::golden_weights::architecture(
        gradlens::checkpoint::Block::Basic,
        [1, 1, 1, 1],
        8,
        1,
        8,
        3,
    );
    load(&mut explainer, &random_checkpoint(&shape, 6), 1000, None).unwrap();
    let before = logits(&mut explainer, 32);
    for name in ["basic.safetensors", "basic.pt"] {
        let file = fixture(name);
        let header = if name.ends_with("pt") {
            0
        } else {
            u64::from_le_bytes(*file.first_chunk().unwrap()) as usize
        };
        for end in
            [0, 1, 8, 9, 20, header + 7, header + 8, header + 9, file.len() / 2, file.len() - 1]
        {
            for size in [None, Some(end), Some(file.len())] {
                let error = load(&mut explainer, &file[..end], 997, size).expect_err(name);
                let known =
                    matches!(error, Error::NotACheckpoint { .. } | Error::PyTorchFile { .. });
                assert!(known, "{name} cut at {end}: {error}");
            }
        }
    }
    let longer = [fixture("basic.safetensors"), vec![0]].concat();
    for size in [None, Some(longer.len())] {
        let error = load(&mut explainer, &longer, 997, size).unwrap_err();
        assert!(error.to_string().contains("cut short or damaged"), "{error}");
    }
    assert!(before == logits(&mut explainer, 32));
}

/// What is no ResNet is known from its header: the rest need not be fetched.
#[test]
fn another_network_is_refused_at_its_header() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let header =
        br#"{"features.0.weight":{"dtype":"F32","shape":[1000,1000],"data_offsets":[0,4000000]}}"#;
    let start = [&(header.len() as u64).to_le_bytes(), &header[..]].concat();
    let mut loader = explainer().loader(None);
    let error = loader.push(&start).unwrap_err();
    assert!(matches!(error, Error::OtherNetwork { .. }), "{error}");
}

/// A header may claim what it likes: without a size that somebody vouches for, memory grows with
/// the bytes that came.
#[test]
fn a_header_reserves_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let shape = common::golden_weights::architecture(
        gradlens::checkpoint::Block::Bottleneck,
        [1; 4],
        512,
        1,
        512,
        1000,
    );
    // The description alone, of a network of several hundred megabytes.
    let mut at = 0;
    let mut entries = Vec::new();
    for (name, tensor) in common::golden_weights::random_state_dict(&shape, 1) {
        let end = at + 4 * tensor.1.len();
        entries.push(format!(
            r#""{name}":{{"dtype":"F32","shape":{:?},"data_offsets":[{at},{end}]}}"#,
            tensor.0
        ));
        at = end;
    }
    let header = format!("{{{}}}", entries.join(","));
    let start = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 100]].concat();
    let uploader = explainer();
    let (mut loader, held): (Loader, usize) = peak(|| {
        let mut loader = uploader.loader(None);
        loader.push(&start).unwrap();
        loader
    });
    println!("{held} bytes held for a network of {at}");
    assert!(at > 400_000_000 && held < 1 << 20, "{held} of {at}");
    assert_eq!(loader.architecture().map(|known| known.classes()), Some(1000));
    loader.push(&[0; 100]).unwrap();
    assert!(matches!(loader.finish(), Err(Error::NotACheckpoint { .. })));
}

/// Weights of one device are of no use on another.
#[test]
fn weights_belong_to_their_device() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let (first, mut second) = (explainer(), explainer());
    let mut loader = first.loader(None);
    loader.push(&fixture("basic.safetensors")).unwrap();
    let error = second.install(loader.finish().unwrap(), Preprocessing::default()).unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    first.lose_device();
    let mut loader = first.loader(None);
    let error = loader
        .push(&fixture("basic.safetensors"))
        .and_then(|()| loader.finish().map(|_| ()))
        .unwrap_err();
    // Whichever is told first: that it is lost, or that it takes nothing more.
    assert!(matches!(error, Error::DeviceLost { .. } | Error::Gpu { .. }), "{error}");
}

/// Small random networks in f16 and i8: what is computed from the rounded weights is what the
/// rounded weights say.
#[test]
fn converted_weights_are_near() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let mut explainer = explainer();
    let file = fixture("resnext.safetensors");
    load(&mut explainer, &file, 1 << 20, None).unwrap();
    let exact = logits(&mut explainer, 64);
    let scale = exact.iter().fold(0f32, |most, logit| most.max(logit.abs()));
    let checkpoint = Checkpoint::read(file.clone()).unwrap();
    let mut sizes = Vec::new();
    // f16 has 11 bits: 5e-4 a weight. i8 has half of a 127th of a channel's largest weight: 4e-3 of
    // it. Measured 5e-4 and 2e-2 of the largest logit; a scale that was left out, or of the wrong
    // channel, misses by all of it.
    for (dtype, tolerance) in [(Dtype::F32, 0.0), (Dtype::F16, 2e-3), (Dtype::I8, 5e-2)] {
        let converted = convert(&checkpoint, dtype).unwrap();
        load(&mut explainer, &converted, 1 << 20, Some(converted.len())).unwrap();
        let found = logits(&mut explainer, 64);
        let miss =
            exact.iter().zip(&found).fold(0f32, |most, (a, b)| most.max((a - b).abs())) / scale;
        println!("{dtype}: {} bytes, logits within {miss:.1e} of the largest", converted.len());
        assert!(miss <= tolerance, "{dtype}: {miss}");
        sizes.push(explainer.memory().weights);
        // The same from the whole file.
        let network = Network::from_checkpoint(&Checkpoint::read(converted).unwrap()).unwrap();
        block_on(explainer.load(&network, Preprocessing::default())).unwrap();
        assert!(found == logits(&mut explainer, 64), "{dtype}");
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    // A weight without its scale, and a scale without its weight, are no network.
    let converted = Checkpoint::read(convert(&checkpoint, Dtype::I8).unwrap()).unwrap();
    assert!(
        converted.get("fc.weight").unwrap().f32().is_err()
            && converted.get("fc.weight_scale").is_some()
    );
}

/// Photo after photo, in two sizes and with two classes: what the engine holds does not grow, on
/// the adapter or in its place.
#[test]
fn photos_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    for mut explainer in [Explainer::on_cpu(), explainer()] {
        load(&mut explainer, &fixture("basic.safetensors"), 1 << 20, None).unwrap();
        let photos = [(64, 48), (48, 64)].map(|(w, h)| Photo::new(w, h, vec![90; w * h * 3]));
        let mut look = |count: usize| {
            for photo in photos.iter().cycle().take(count) {
                block_on(explainer.predict(photo, Fit::Whole)).unwrap();
                block_on(explainer.explain(Some(count % 2), "layer4", Method::GradCam)).unwrap();
            }
            HELD.load(Ordering::Relaxed)
        };
        let before = look(20);
        let after = look(100);
        println!("{before} bytes held, then {after}");
        assert!(after <= before + 20_000, "{} bytes more after 100 photos", after - before);
    }
}
