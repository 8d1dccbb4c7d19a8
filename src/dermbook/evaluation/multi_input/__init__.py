"""Networks on images and metadata: arms with different inputs, and stacks of two models.

``arms`` trains the same network on different inputs, ``boosting`` the classical model on metadata,
``stacking`` a network on the predictions of both, in step or out of it, and ``majority`` says how
far the most frequent label of each category gets.
"""
