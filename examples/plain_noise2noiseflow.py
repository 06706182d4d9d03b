"""Noise2NoiseFlow in plain PyTorch: from pairs of noisy frames to a denoiser and a noise model, without a clean image.

A frame is y = x + n, scene and noise: raw colour planes (B, 4, H, W), 1 at the white level. One camera at one ISO here;
n2nf_core has many, a test holds the two equal. [1] Noise2NoiseFlow, Maleky et al., CVPR 2022 [2] Noise Flow, Abdelhamed
et al., ICCV 2019 [3] Glow, Kingma, Dhariwal, 2018 [4] Noise2Noise, Lehtinen et al., 2018 [5] DnCNN, Zhang et al., 2017
"""
import torch
from torch import nn
from torch.nn import functional as F

SHOT, READ, LOG_2PI = 0.02, 0.001, 1.8378770664093453  # the camera: noise of variance SHOT * x + READ

def simulate(count, size=32):
    """Scenes x of two smooth areas with a sharp border, and frames y1, y2 with n ~ N(0, SHOT * x + READ)."""
    one, other, border = F.interpolate(torch.rand(3 * count, 4, 4, 4), size, mode="bicubic").clamp(0, 1).chunk(3)
    clean = torch.where(border[:, :1] > 0.5, one, other / 4)
    return clean, *(clean + torch.sqrt(SHOT * clean + READ) * torch.randn_like(clean) for _ in range(2))

class DnCNN(nn.Sequential):
    """D(y) = y - f(y): nine convolutions f estimate the noise [5]; no batch normalisation, for a short training."""
    def __init__(self, features=64):
        middle = [layer for _ in range(7) for layer in (nn.Conv2d(features, features, 3, padding=1), nn.ReLU())]
        last = nn.Conv2d(features, 4, 3, padding=1, bias=False)
        super().__init__(nn.Conv2d(4, features, 3, padding=1), nn.ReLU(), *middle, last)
    def forward(self, noisy):
        return noisy - super().forward(noisy)

class Step(nn.Module):
    """One step of the flow: a 1x1 convolution mixes the planes [3], a coupling shifts and scales half of them [2]."""
    def __init__(self, width=4):
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(nn.init.orthogonal_(torch.empty(4, 4)))
        self.permutation, self.sign_s = nn.Buffer(permutation), nn.Buffer(upper.diagonal().sign())
        self.lower, self.upper, self.log_s = map(nn.Parameter, (lower, upper, upper.diagonal().abs().log()))
        self.conv1, self.conv2 = nn.Conv2d(2, width, 3, padding=1), nn.Conv2d(width, width, 1)
        self.weight3, self.bias3 = nn.Parameter(torch.zeros(4, width + 1, 3, 3)), nn.Parameter(torch.zeros(4))
        self.logs, self.scale = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.tensor(1e-4))
    def weight(self):  # W = P L (U + diag(s)), never singular: log |s| is learned, the sign of s is fixed  [3] Sec. 3.2
        upper = self.upper.triu(1) + torch.diag(self.sign_s * self.log_s.exp())
        return self.permutation @ (self.lower.tril(-1) + torch.eye(4).to(upper)) @ upper
    def shift_and_log_scale(self, half):  # CNN(half) * exp(3 logs) = (t, r), log-scale = scale * tanh(r)  [2]
        hidden = F.pad(F.relu(self.conv2(F.relu(self.conv1(half)))), (1, 1, 1, 1))
        border = F.pad(torch.zeros_like(half[:, :1]), (1, 1, 1, 1), value=1.0)  # 1 on the padding, 0 on the image
        out = F.conv2d(torch.cat((hidden, border), 1), self.weight3, self.bias3) * self.logs.mul(3).exp()[:, None, None]
        return out[:, :2], self.scale * torch.tanh(out[:, 2:])

class NoiseFlow(nn.Module):
    """p(n | x) [2]: n is divided by sigma(x), goes through 4 steps, a gain and 4 steps, and becomes z ~ N(0, I)."""
    def __init__(self):
        super().__init__()
        self.log_shot, self.log_read, self.log_gain = (nn.Parameter(torch.tensor(v).log()) for v in (1e-2, 1e-4, 1.0))
        self.steps = nn.ModuleList(Step() for _ in range(8))
    def sigma(self, clean):  # sigma^2 = shot * x + read, the signal-dependent layer  [2] Sec. 4.1
        return torch.sqrt(self.log_shot.exp() * clean.clamp(min=0) + self.log_read.exp())
    def log_prob(self, noise, clean):  # log p(n | x) = log N(z; 0, I) + log |det dz/dn|, for each image  [2]
        sigma = self.sigma(clean)
        z, log_det = noise / sigma, -sigma.log().sum((1, 2, 3)) - self.log_gain * noise[0].numel()
        for number, step in enumerate(self.steps):
            z = F.conv2d(z / self.log_gain.exp() if number == 4 else z, step.weight()[:, :, None, None])
            shift, log_scale = step.shift_and_log_scale(z[:, :2])
            z = torch.cat((z[:, :2], z[:, 2:] * log_scale.exp() + shift), 1)
            log_det = log_det + step.log_s.sum() * z[0, 0].numel() + log_scale.sum((1, 2, 3))
        return log_det - 0.5 * (z.square() + LOG_2PI).sum((1, 2, 3))
    def sample(self, clean):  # the same from z to n, every layer inverted
        x = torch.randn_like(clean)
        for number, step in reversed([*enumerate(self.steps)]):
            shift, log_scale = step.shift_and_log_scale(x[:, :2])
            x = torch.cat((x[:, :2], (x[:, 2:] - shift) * torch.exp(-log_scale)), 1)
            x = F.conv2d(x, step.weight().inverse()[:, :, None, None])
            x = x * self.log_gain.exp() if number == 4 else x
        return x * self.sigma(clean)

def joint_loss(denoiser, flow, y1, y2, mse_weight=2.0**18):
    """L_nm + lambda * L_dn [1], both per dimension and halved over the two directions. Pre-training: flow is None."""
    denoised, other = denoiser(torch.cat((y1, y2))), torch.cat((y2, y1))
    mse = F.mse_loss(denoised, other)  # [1] Eq. 5, Noise2Noise [4]: |D(y1) - y2|^2 + |D(y2) - y1|^2
    clean = denoised.clamp(0, 1)  # [1] Eq. 4, cross-sample: -log p(y2 | D(y1)) - log p(y1 | D(y2)), noise y - D(y')
    nll = 0 if flow is None else -flow.log_prob(other - clean, clean).mean() / y1[0].numel()
    return nll + mse_weight * mse

def main(pretrain=1000, joint=500, features=16):
    """Train on pairs alone, then score both models on new scenes, whose clean image and noise density are known."""
    torch.manual_seed(0)
    denoiser, flow, (_, first, second) = DnCNN(features), NoiseFlow(), simulate(2000)
    adam = torch.optim.Adam([{"params": denoiser.parameters()}, {"params": flow.parameters(), "lr": 5e-3}], lr=1e-3)
    for number in range(pretrain + joint):
        rows = torch.randint(len(first), (8,))
        adam.zero_grad()
        joint_loss(denoiser, flow if number >= pretrain else None, first[rows], second[rows]).backward()
        adam.step()
    clean, noisy, _ = simulate(200)
    psnr = [-10 * F.mse_loss(image, clean).log10() for image in (noisy, denoiser(noisy))]
    variances = ((first - second).var() / 2).expand_as(clean), SHOT * clean + READ  # AWGN: one for all pixels
    nll = [F.gaussian_nll_loss(clean, noisy, variance, full=True) for variance in variances]
    nll.append(-flow.log_prob(noisy - clean, clean).mean() / clean[0].numel())
    print("PSNR, dB: noisy {:.2f}, denoised {:.2f}".format(*psnr))
    print("NLL, nats per dimension: AWGN {:.3f}, true density {:.3f}, Noise Flow {:.3f}".format(*nll))

if __name__ == "__main__":
    main()
