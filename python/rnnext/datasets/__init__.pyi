from rnnext.datasets import boston_housing as boston_housing
from rnnext.datasets import california_housing as california_housing
from rnnext.datasets import cifar10 as cifar10
from rnnext.datasets import cifar100 as cifar100
from rnnext.datasets import fashion_mnist as fashion_mnist
from rnnext.datasets import imdb as imdb
from rnnext.datasets import mnist as mnist
from rnnext.datasets import reuters as reuters
