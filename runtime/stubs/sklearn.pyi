from gradc_runtime.estimators.sklearn import Classifier as Classifier
from gradc_runtime.estimators.sklearn import Regressor as Regressor
