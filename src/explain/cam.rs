//! The methods: from a layer's activations and gradients to a class activation map.
//!
//! Formulas and constants are those of the Python package `grad-cam`, whose numbers the tests
//! compare with. Only the last arithmetic lives here; where the gradients come from is
//! [`models`](crate::models)' business. To add a method: a variant of [`Method`] with its name, and
//! an arm in [`Recipe::of`].

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::operation::{
    CAM_ELEMENT_WISE, CAM_HIRES, CAM_LAYER, CAM_WEIGHTED, WEIGHTS_PLUS_PLUS, WEIGHTS_XGRAD,
};
use crate::ops;

/// Positions whose kernel matrix KPCA-CAM makes at most: 32 MB.
pub const MOST_POSITIONS: usize = 2048;

/// How activations `a` and gradients `g` of a layer become a map; c runs over channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    /// Σ mean(g_c)·a_c. Selvaraju et al. 2016, arXiv 1610.02391
    #[default]
    GradCam,
    /// Σ w_c·a_c with w from second and third powers of g. Chattopadhyay et al. 2018, arXiv
    /// 1710.11063
    GradCamPlusPlus,
    /// Σ w_c·a_c with w_c = Σ g·a / Σ a. Fu et al. 2020, arXiv 2008.02312
    XGradCam,
    /// Σ g·a, no averaging. Draelos and Carin 2020, arXiv 2011.08891
    HiResCam,
    /// Σ relu(g·a), as the package's GradCAMElementWise
    GradCamElementWise,
    /// Σ relu(g)·a. Jiang et al. 2021, doi 10.1109/TIP.2021.3089943
    LayerCam,
    /// First principal component of a; looks at no class. Muhammad and Yeasin 2020, arXiv
    /// 2008.00299
    EigenCam,
    /// First principal component of g·a
    EigenGradCam,
    /// Σ softmax(s)_c·a_c with s_c the score of the photo seen through a_c. Wang et al. 2020, arXiv
    /// 1910.01279
    ScoreCam,
    /// Σ w_c·a_c with w_c the share of the score that is lost without channel c. Desai and
    /// Ramaswamy 2020, doi 10.1109/WACV45572.2020.9093360
    AblationCam,
    /// Grad-CAM of what sets the class apart from those whose logits are nearest:
    /// [`finer`](crate::explain::objective::finer). Zhang et al. 2025, arXiv 2501.11309
    FinerCam,
    /// Grad-CAM with the Shapley value's second-order term: mean(g_c − ½·(H·a)_c). Cai 2025, arXiv
    /// 2501.06261. H, the second derivative, is 0 between the jumps of ReLU and ReLU6: of a logit
    /// it is Grad-CAM, and only of a probability another map
    ShapleyCam,
    /// The product of Grad-CAM++'s heatmaps at a layer and at those behind it, one for each size of
    /// the grid, or at the layers that are named. arXiv 2605.14641, as `grad-cam` has it
    RefineCam,
    /// Σ w_c·a_c with w_c the share of positions above mean + 2 standard deviations of a_c; looks
    /// at no class. As `grad-cam` has it; in the paper (Fuad et al. 2020, hal-02963298) w_c is the
    /// mean of a_c, and what it weighs is the mask of those positions
    Fem,
    /// First component of a by principal component analysis with a sigmoid kernel; looks at no
    /// class. Karmani et al. 2024, arXiv 2410.00267
    KpcaCam,
    /// Score-CAM with noise added to each mask, the mean score of 35 of them. Wang et al. 2020,
    /// arXiv 2006.14255, as `torchcam` has it: noise after the mask is stretched, not before
    SsCam,
    /// Score-CAM with the mean score of ten masks of growing strength. Naidu et al. 2020, arXiv
    /// 2010.03023, as `torchcam` has it: the tenth is 5.5 times the mask
    IsCam,
    /// x·g of the input x itself. Shrikumar et al. 2016, arXiv 1605.01713. This and what follows
    /// it: [`pixels`](crate::explain::pixels)
    InputXGradient,
    /// |x·g| and, of every convolution, |b·g| of its bias b and its output's g:
    /// [`full_grad`](crate::explain::full_grad). Srinivas and Fleuret 2019, arXiv 1905.00780
    FullGrad,
    /// |mean of g| over 50 photos with noise. Smilkov et al. 2017, arXiv 1706.03825
    SmoothGrad,
    /// x times the mean of g between a photo of the mean colour and x. Sundararajan et al. 2017,
    /// arXiv 1703.01365
    IntegratedGradients,
    /// What the score loses when a square is hidden. Zeiler and Fergus 2013, arXiv 1311.2901
    Occlusion,
    /// The mean of random masks, weighted by the score of the photo seen through each. Petsiuk et
    /// al. 2018, arXiv 1806.07421; of the probability there: ask for that
    Rise,
}

/// What a method goes by: lists of methods have one part each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A layer's gradients.
    Gradients,
    /// A layer's activations, and passes with something changed.
    GradientFree,
    /// The photo itself, pixel by pixel; no layer.
    Pixels,
}

impl Group {
    pub const ALL: [Group; 3] = [Group::Gradients, Group::GradientFree, Group::Pixels];
}

impl Method {
    pub const ALL: [Method; 23] = [
        Method::GradCam,
        Method::GradCamPlusPlus,
        Method::XGradCam,
        Method::HiResCam,
        Method::GradCamElementWise,
        Method::LayerCam,
        Method::EigenCam,
        Method::EigenGradCam,
        Method::ScoreCam,
        Method::AblationCam,
        Method::FinerCam,
        Method::ShapleyCam,
        Method::RefineCam,
        Method::Fem,
        Method::KpcaCam,
        Method::SsCam,
        Method::IsCam,
        Method::InputXGradient,
        Method::FullGrad,
        Method::SmoothGrad,
        Method::IntegratedGradients,
        Method::Occlusion,
        Method::Rise,
    ];

    /// The name on the command line and in links.
    pub fn name(self) -> &'static str {
        match self {
            Method::GradCam => "grad-cam",
            Method::GradCamPlusPlus => "grad-cam++",
            Method::XGradCam => "xgrad-cam",
            Method::HiResCam => "hires-cam",
            Method::GradCamElementWise => "grad-cam-elementwise",
            Method::LayerCam => "layer-cam",
            Method::EigenCam => "eigen-cam",
            Method::EigenGradCam => "eigen-grad-cam",
            Method::ScoreCam => "score-cam",
            Method::AblationCam => "ablation-cam",
            Method::FinerCam => "finer-cam",
            Method::ShapleyCam => "shapley-cam",
            Method::RefineCam => "refine-cam",
            Method::Fem => "fem",
            Method::KpcaCam => "kpca-cam",
            Method::SsCam => "ss-cam",
            Method::IsCam => "is-cam",
            Method::InputXGradient => "input-x-gradient",
            Method::FullGrad => "full-grad",
            Method::SmoothGrad => "smooth-grad",
            Method::IntegratedGradients => "integrated-gradients",
            Method::Occlusion => "occlusion",
            Method::Rise => "rise",
        }
    }

    /// False for a method that looks at activations alone.
    pub fn needs_gradients(self) -> bool {
        !self.is_slow() && !matches!(self, Method::EigenCam | Method::Fem | Method::KpcaCam)
    }

    /// Whether the map is Grad-CAM's, if of another derivative: all that is read of the gradient is
    /// its mean over positions.
    pub fn is_of_means(self) -> bool {
        matches!(self, Method::GradCam | Method::FinerCam | Method::ShapleyCam)
    }

    /// True for a method that runs many passes, of a layer one a channel: seconds to hours, see
    /// [`Explainer::estimate`](crate::Explainer::estimate).
    pub fn is_slow(self) -> bool {
        match self.group() {
            Group::Gradients => false,
            Group::GradientFree => self.masks_the_photo() || self == Method::AblationCam,
            Group::Pixels => !matches!(self, Method::InputXGradient | Method::FullGrad),
        }
    }

    /// Score-CAM and its like: a channel's weight is the score of the photo seen through it.
    pub fn masks_the_photo(self) -> bool {
        matches!(self, Method::ScoreCam | Method::SsCam | Method::IsCam)
    }

    pub fn group(self) -> Group {
        match self {
            Method::ScoreCam
            | Method::AblationCam
            | Method::SsCam
            | Method::IsCam
            | Method::EigenCam
            | Method::Fem
            | Method::KpcaCam => Group::GradientFree,
            Method::InputXGradient
            | Method::FullGrad
            | Method::SmoothGrad
            | Method::IntegratedGradients
            | Method::Occlusion
            | Method::Rise => Group::Pixels,
            _ => Group::Gradients,
        }
    }

    /// Those of the first ten that answer at once: what grids put side by side. More would be too
    /// many to compare.
    pub fn quick() -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().take(10).filter(|method| !method.is_slow())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = Error;
    fn from_str(name: &str) -> Result<Method> {
        let known = || Method::ALL.map(Method::name).join(", ");
        let found = Method::ALL.into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| Error::UnknownMethod { name: name.into(), known: known() })
    }
}

/// Recorded dispatches from activations and gradients to a map.
pub struct Recipe {
    dispatches: Vec<Dispatch>,
    cam: Tensor, // [h·w]
    /// What the result is still to be multiplied with.
    scale: f32,
}

impl Recipe {
    /// `gradients` [h, w, c] as `activations`; for Grad-CAM also the gradient [c] of their means.
    ///
    /// None where the CPU makes the map: of principal components, and where channels are tried out.
    pub fn of(
        method: Method,
        gpu: &Gpu,
        activations: &Tensor,
        gradients: &Tensor,
    ) -> Option<Recipe> {
        let (weights_method, cam_method) = match method {
            Method::GradCam | Method::FinerCam | Method::ShapleyCam => (None, CAM_WEIGHTED),
            Method::XGradCam => (Some(WEIGHTS_XGRAD), CAM_WEIGHTED),
            Method::GradCamPlusPlus | Method::RefineCam => (Some(WEIGHTS_PLUS_PLUS), CAM_WEIGHTED),
            Method::HiResCam => (None, CAM_HIRES),
            Method::GradCamElementWise => (None, CAM_ELEMENT_WISE),
            Method::LayerCam => (None, CAM_LAYER),
            _ => return None,
        };
        let cam = gpu.tensor(1, 1, activations.positions());
        if method.is_of_means() && gradients.positions() == 1 {
            let dispatches =
                vec![ops::cam(gpu, &cam, activations, activations, gradients, cam_method)];
            return Some(Recipe { dispatches, cam, scale: 1.0 / activations.positions() as f32 });
        }
        let weights = gpu.tensor(1, 1, activations.channels);
        let weights_dispatch = match weights_method {
            Some(number) => Some(ops::cam_weights(gpu, &weights, activations, gradients, number)),
            None => {
                method.is_of_means().then(|| ops::global_average_pool(gpu, &weights, gradients))
            }
        };
        let cam_dispatch = ops::cam(gpu, &cam, activations, gradients, &weights, cam_method);
        Some(Recipe {
            dispatches: weights_dispatch.into_iter().chain([cam_dispatch]).collect(),
            cam,
            scale: 1.0,
        })
    }

    /// cam [h, w], before ReLU and scaling.
    pub async fn run(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        gpu.run(&self.dispatches);
        let mut cam = gpu.read(&self.cam).await?;
        cam.iter_mut().for_each(|v| *v *= self.scale);
        Ok(cam)
    }
}

/// Σ weight·activation over channels: [positions]. `planes` is [channels, positions], `weights`
/// [channels].
pub fn weighted_sum(planes: &[f32], weights: &[f32], positions: usize) -> Vec<f32> {
    let mut cam = vec![0.0f64; positions];
    for (plane, &weight) in
        planes.chunks_exact(positions).zip(weights).filter(|(_, weight)| **weight != 0.0)
    {
        cam.iter_mut().zip(plane).for_each(|(cam, &a)| *cam += f64::from(weight) * f64::from(a));
    }
    cam.into_iter().map(|v| v as f32).collect()
}

/// The projection of each position's `channels` values onto their first principal component:
/// [positions].
///
/// `planes` is [channels, positions]. A component has no sign of its own (NumPy's SVD, and so
/// `grad-cam`, returns either); here positions with larger values get the larger result.
pub fn principal_component(planes: &[f32], positions: usize) -> Vec<f32> {
    const MOST_ITERATIONS: usize = 1000;
    const CONVERGED: f64 = 1e-12; // of the squared change of a unit vector: 1e-6 in each direction
    let centred: Vec<f64> = planes
        .chunks_exact(positions)
        .flat_map(|plane| {
            let mean = plane.iter().map(|&v| v as f64).sum::<f64>() / positions as f64;
            plane.iter().map(move |&v| v as f64 - mean)
        })
        .collect();
    let total = |p: usize| planes.iter().skip(p).step_by(positions).map(|&v| v as f64).sum::<f64>();
    let brightness: Vec<f64> = (0..positions).map(total).collect();
    let mean = brightness.iter().sum::<f64>() / positions as f64;

    // Power iteration on X Xᵀ, one pass over the channels each: u ← Σ_c x_c (x_c · u). The start is
    // a little off the brightness, which might have nothing of the component in it.
    let mut u: Vec<f64> =
        brightness.iter().enumerate().map(|(p, v)| v - mean + 1e-3 * uneven(p)).collect();
    let mut length = normalise(&mut u);
    for _ in 0..MOST_ITERATIONS {
        let mut next = vec![0.0; positions];
        for plane in centred.chunks_exact(positions) {
            let along = dot(plane, &u);
            next.iter_mut().zip(plane).for_each(|(n, x)| *n += along * x);
        }
        length = normalise(&mut next);
        let change: f64 = next.iter().zip(&u).map(|(a, b)| (a - b) * (a - b)).sum();
        u = next;
        if change < CONVERGED || length == 0.0 {
            break;
        }
    }
    let agreement: f64 = u.iter().zip(&brightness).map(|(u, b)| u * (b - mean)).sum();
    let scale = length.sqrt() * if agreement < 0.0 { -1.0 } else { 1.0 };
    u.iter().map(|v| (v * scale) as f32).collect()
}

/// FEM's weights [channels] of `planes` [channels, positions]: the share of positions that are more
/// than two standard deviations above the channel's mean.
pub fn rare_features(planes: &[f32], positions: usize) -> Vec<f32> {
    const DEVIATIONS: f64 = 2.0; // the package's k
    let share = |plane: &[f32]| {
        let mean = |of: &dyn Fn(f64) -> f64| {
            plane.iter().map(|&v| of(f64::from(v))).sum::<f64>() / positions as f64
        };
        let average = mean(&|v| v);
        let deviation = mean(&|v| (v - average).powi(2)).sqrt();
        let threshold = average + DEVIATIONS * deviation;
        plane.iter().filter(|&&v| f64::from(v) > threshold).count() as f32 / positions as f32
    };
    planes.chunks_exact(positions).map(share).collect()
}

/// KPCA-CAM: the projection of each position's `channels` values x onto the first component of
/// their kernel matrix tanh(x·y / channels + 1), both centred: [positions].
///
/// `planes` is [channels, positions]. As scikit-learn's `KernelPCA`, on which `grad-cam` builds,
/// with its sign: the largest entry of the component is positive. The matrix has positions²
/// entries, so of more than [`MOST_POSITIONS`] every n-th makes the component, onto which all are
/// projected.
pub fn kernel_principal_component(planes: &[f32], positions: usize) -> Vec<f32> {
    let channels = planes.len() / positions;
    let means: Vec<f64> = planes
        .chunks_exact(positions)
        .map(|plane| plane.iter().map(|&v| f64::from(v)).sum::<f64>() / positions as f64)
        .collect();
    let row = |p: usize| -> Vec<f64> {
        (0..channels).map(|c| f64::from(planes[c * positions + p]) - means[c]).collect()
    };
    let rows: Vec<Vec<f64>> = (0..positions).map(row).collect();
    let chosen: Vec<&Vec<f64>> = rows.iter().step_by(positions.div_ceil(MOST_POSITIONS)).collect();
    let kernel = |x: &[f64], y: &[f64]| (dot(x, y) / channels as f64 + 1.0).tanh();
    let matrix: Vec<Vec<f64>> =
        chosen.iter().map(|x| chosen.iter().map(|y| kernel(x, y)).collect()).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let of_rows: Vec<f64> = matrix.iter().map(|values| mean(values)).collect();
    let total = mean(&of_rows);
    let centred = |values: &[f64]| -> Vec<f64> {
        let own = mean(values);
        values.iter().zip(&of_rows).map(|(v, of_row)| v - own - of_row + total).collect()
    };
    let matrix: Vec<Vec<f64>> = matrix.iter().map(|values| centred(values)).collect();

    let (mut component, eigenvalue) = dominant(&matrix);
    if eigenvalue < 1e-12 {
        return vec![0.0; positions]; // every position is alike: what is left is rounding
    }
    let largest =
        component.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    component.iter_mut().for_each(|v| *v /= largest.signum() * eigenvalue.sqrt());
    let projected = |x: &Vec<f64>| {
        let values: Vec<f64> = chosen.iter().map(|y| kernel(x, y)).collect();
        dot(&centred(&values), &component) as f32
    };
    rows.iter().map(projected).collect()
}

/// The eigenvector of the largest eigenvalue of a symmetric `matrix` [n, n], and that eigenvalue.
pub(super) fn dominant(matrix: &[Vec<f64>]) -> (Vec<f64>, f64) {
    const MOST_ITERATIONS: usize = 1000;
    const CONVERGED: f64 = 1e-15; // of the squared change of a unit vector: f64's own rounding
    let times = |u: &[f64]| matrix.iter().map(|row| dot(row, u)).collect::<Vec<f64>>();
    // A power iteration finds the eigenvalue that is largest in size. Where that is a negative one,
    // which a sigmoid kernel may have, adding its size to all of them leaves it with 0.
    let mut shift = 0.0;
    loop {
        let mut u: Vec<f64> = (0..matrix.len()).map(uneven).collect();
        normalise(&mut u);
        for _ in 0..MOST_ITERATIONS {
            let mut next = times(&u);
            next.iter_mut().zip(&u).for_each(|(n, u)| *n += shift * u);
            normalise(&mut next);
            // Of either sign: the vector turns over where the eigenvalue is negative.
            let agreement = dot(&next, &u).abs();
            u = next;
            if 2.0 - 2.0 * agreement < CONVERGED {
                break;
            }
        }
        let eigenvalue = dot(&times(&u), &u);
        if eigenvalue >= 0.0 || shift > 0.0 {
            return (u, eigenvalue.max(0.0));
        }
        shift = -eigenvalue;
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// -0.5..0.5, different at each position: multiples of the golden ratio are nowhere regular.
fn uneven(position: usize) -> f64 {
    ((position + 1) as f64 * 0.618_033_988_749_895).fract() - 0.5
}

/// Makes the length 1 and returns what it was.
fn normalise(vector: &mut [f64]) -> f64 {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|v| *v /= length);
    }
    length
}
